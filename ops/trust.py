"""`ecp trust`: how far an account is trusted, why, and an operator's word on it."""

import json
from collections.abc import Iterator
from typing import Any

import typer
from psycopg import Connection
from psycopg.rows import dict_row

from ops.answer import connected
from ops.errors import Refusal
from ops.postgres import Stack

Row = dict[str, Any]


def read(connection: Connection[Any], account_id: int) -> list[Row]:
    """The rows of trust.report: one for each role, of a provider one for each lane. Raises TRT01."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute("select * from trust.report(%s)", [account_id]).fetchall()


def lines(row: Row) -> Iterator[str]:
    """The score first, then what follows from it, then what led to it."""
    yield f"{row['account']} as {row['role']}, lane {row['lane']}: score {row['score']} of 100"
    if row["is_trusted"]:
        yield "  trusted: what raises exposure passes"
    else:
        yield f"  not trusted: nothing that raises exposure passes before {_time(row['regained_at'])}, or a reset"
    if row["paused"]:
        yield f"  paused: {', '.join(row['paused'])}"
    if row["last_incident_at"]:
        yield f"  last incident: {_time(row['last_incident_at'])}"
    if row["counts"]:
        yield "  refusals in 24 hours: " + ", ".join(f"{code} {count}" for code, count in row["counts"].items())
    for event in row["events"]:
        yield f"  {_event(event)}"


def _event(event: Row) -> str:
    """`2026-01-05 12:00:00  TRS03  -40  100 -> 60  invalid signature (stream 3, epoch 1, seq 2)`."""
    places = ("subscription", "subscription_id"), ("stream", "stream_id"), ("epoch", "epoch"), ("seq", "seq")
    where = ", ".join(f"{word} {event[name]}" for word, name in places if event[name] is not None)
    why = event["meaning"] or f"{event['reason']}, by {event['actor']}"
    moved = f"{event['score_before']} -> {event['score_after']}"
    return f"{_time(event['occurred_at'])}  {event['code']:<17}  {event['points']:+4d}  {moved:<10}  {why}" + (
        f" ({where})" if where else ""
    )


def _time(at: Any) -> str:
    return str(at).replace("T", " ")[:19]


def show(stack: Stack, account_id: int, *, as_json: bool) -> None:
    """Print how the account stands. Raises TRD01, TRD03, TRD04, TRD05, TRT01."""
    with connected(stack) as connection:
        rows = read(connection, account_id)
    _print(account_id, rows, as_json=as_json)


def reset(
    stack: Stack, account_id: int, role: str | None, *, score: int, reason: str, actor: str, as_json: bool
) -> None:
    """Set the score and print how the account stands then. Raises what `show` does, and TRT01 to TRT03."""
    with connected(stack) as connection:
        roles = {row["role"] for row in read(connection, account_id)}
        if role is None and len(roles) != 1:
            raise Refusal("TRT01", f"account {account_id} has no one role that could be meant", "give --role")
        connection.execute(
            "select trust.reset(%s, %s, %s, %s, %s)", [account_id, role or roles.pop(), score, reason, actor]
        )
        rows = read(connection, account_id)
    _print(account_id, rows, as_json=as_json)


def _print(account_id: int, rows: list[Row], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"account_id": account_id, "standings": rows}, default=str))
        return
    for row in rows:
        for line in lines(row):
            typer.echo(line)
    if not rows:
        typer.echo("It neither provides nor subscribes, so there is nothing to trust it with.")
