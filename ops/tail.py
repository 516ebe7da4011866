"""`ecp tail`: what happens, as it is committed. A notification says when to look; what is seen goes by a cursor, the
snapshot of the last look: nothing is missed, whatever becomes of notifications, and nothing is shown twice."""

import json
from collections.abc import Iterator
from typing import Any

import typer
from psycopg import Connection, IsolationLevel
from psycopg.rows import dict_row

from ops.answer import connected
from ops.postgres import Stack

EVERY_S = 0.25
"""How often it looks without a notification: a signal that nobody follows notifies nobody."""

Row = dict[str, Any]


def begin(connection: Connection[Any]) -> str:
    """Listen, and return the cursor of now. The connection is in autocommit."""
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    for channel in ("ecp_deliveries", "ecp_alerts"):
        connection.execute(f"listen {channel}".encode())
    return _snapshot(connection)


def follow(connection: Connection[Any], since: str, stream: int | None) -> Iterator[Row]:
    """What is committed after `since`, for ever: rows of ops.tail."""
    while True:
        for _ in connection.notifies(timeout=EVERY_S, stop_after=1):
            pass
        with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
            upto = _snapshot(connection)
            rows = cursor.execute("select * from ops.tail(%s::pg_snapshot, %s)", [since, stream]).fetchall()
        since = upto
        yield from rows


def _snapshot(connection: Connection[Any]) -> str:
    row = connection.execute("select pg_current_snapshot()::text").fetchone()
    assert row
    return str(row[0])


def line(row: Row) -> str:
    """`12:00:00.125  stream 1  1/42  ACCEPTED  OPEN EURUSD BUY 0.3 at 1.07219`."""
    where = " ".join(
        f"{word} {row[f'{word}_id']}" for word in ("stream", "subscription") if row[f"{word}_id"] is not None
    )
    number = f"{row['epoch']}/{row['seq']}" if row["seq"] is not None else ""
    what = " ".join(str(row[name]) for name in ("action", "symbol", "side", "volume") if row[name] is not None)
    price = f" at {row['price']}" if row["price"] is not None else ""
    outcome = " ".join(filter(None, [row["outcome"], row["code"]]))
    return (
        f"{row['at']:%H:%M:%S.%f}  {row['kind']:<8}  {where:<28}  {number:<10}  {outcome:<22}  {what}{price}".rstrip()
    )


def run(stack: Stack, stream: int | None, *, count: int | None, as_json: bool) -> None:
    """Print what happens until Ctrl-C, or until so much has happened. Raises what `connected` does."""
    try:
        with connected(stack) as connection:
            since = begin(connection)
            typer.echo("following; Ctrl-C ends it", err=True)
            for number, row in enumerate(follow(connection, since, stream), start=1):
                typer.echo(json.dumps(row, default=str) if as_json else line(row))
                if number == count:
                    return
    except KeyboardInterrupt:
        return
