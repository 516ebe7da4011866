"""`ecp explain`: why a subscription did, or did not, copy a signal."""

import json
from typing import Any

import typer
from psycopg import Connection
from psycopg.rows import dict_row

from ops.errors import Refusal
from ops.postgres import Stack
from ops.schema import deploy


def read(connection: Connection[Any], subscription_id: int, epoch: int, seq: int) -> dict[str, Any]:
    """The row of signals.explain. Raises TRS17 for a subscription that does not exist."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute("select * from signals.explain(%s, %s, %s)", [subscription_id, epoch, seq]).fetchone()
    if row is None:
        raise Refusal(
            "TRS17", f"there is no subscription {subscription_id}", "`ecp demo` prints examples that are there"
        )
    return row


def lines(row: dict[str, Any]) -> list[str]:
    """What is known, a line each, and the sentence that sums it up."""
    known = {name.replace("_", " "): value for name, value in row.items() if value is not None and name != "sentence"}
    return [*(f"{name:<16} {value}" for name, value in known.items()), "", str(row["sentence"])]


def run(stack: Stack, subscription_id: int, epoch: int, seq: int, *, as_json: bool) -> None:
    """Print the explanation. Raises TRS17, TRD01, TRD03, TRD04, TRD05."""
    stack.start()
    with deploy.connect(stack.url()) as connection:
        deploy.require_current(connection)
        row = read(connection, subscription_id, epoch, seq)
    if as_json:
        typer.echo(json.dumps(row, default=str))
    else:
        for line in lines(row):
            typer.echo(line)
