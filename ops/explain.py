"""`ecp explain`: why a subscription did, or did not, copy a signal."""

import json
import textwrap
from collections.abc import Iterator
from typing import Any

import typer
from psycopg import Connection
from psycopg.rows import dict_row

from ops.answer import connected
from ops.errors import Refusal
from ops.postgres import Stack

# What is said first; everything else the row knows follows below it.
HEADLINE = ("sentence", "formula", "rule", "threshold", "value")
WIDTH = 100


def read(connection: Connection[Any], subscription_id: int, epoch: int, seq: int) -> dict[str, Any]:
    """The row of signals.explain. Raises TRS17 for a subscription that does not exist."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute("select * from signals.explain(%s, %s, %s)", [subscription_id, epoch, seq]).fetchone()
    if row is None:
        raise Refusal(
            "TRS17", f"there is no subscription {subscription_id}", "`ecp demo` prints examples that are there"
        )
    return row


def read_delivery(connection: Connection[Any], subscription_id: int, delivery_seq: int) -> dict[str, Any]:
    """The row of signals.explain_delivery. Raises TRS18 for a delivery that was never made."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "select * from signals.explain_delivery(%s, %s)", [subscription_id, delivery_seq]
        ).fetchone()
    if row is None:
        raise Refusal(
            "TRS18",
            f"subscription {subscription_id} has no delivery {delivery_seq}",
            "deliveries of a subscription count from 1; `ecp demo` prints examples that are there",
        )
    return row


def lines(row: dict[str, Any]) -> Iterator[str]:
    """The sentence that sums it up, the formula with its numbers, the rule that decided; then all that is known."""
    yield str(row["sentence"])
    if row.get("formula") is not None:
        yield f"  {row['formula']}"
    if (rule := _rule(row)) is not None:
        yield f"  {rule}"
    known = {name: value for name, value in row.items() if name not in HEADLINE and value is not None}
    if known:
        yield ""
    for name, value in known.items():
        yield from textwrap.wrap(
            _text(value), WIDTH, initial_indent=f"{name.replace('_', ' '):<16}  ", subsequent_indent=" " * 18
        )


def _rule(row: dict[str, Any]) -> str | None:
    """`rule BELOW_MINIMUM: value 0.07, threshold 0.1`, as far as there are any."""
    if row.get("rule") is None:
        return None
    told = [f"{name} {_text(row[name])}" for name in ("value", "threshold") if row.get(name) is not None]
    return f"rule {row['rule']}" + (f": {', '.join(told)}" if told else "")


def _text(value: Any) -> str:
    """A value on one line; of settings, only what is set."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(each)}" for name, each in value.items() if each is not None)
    if isinstance(value, list):
        return " ".join(map(str, value))
    return str(value)


def run(
    stack: Stack,
    subscription_id: int,
    *,
    signal: tuple[int, int] | None = None,
    delivery_seq: int | None = None,
    as_json: bool,
) -> None:
    """Print the explanation of the signal (epoch, seq) or of the delivery. Raises TRS17, TRS18, TRD01, TRD03,
    TRD04, TRD05."""
    with connected(stack) as connection:
        if signal is not None:
            row = read(connection, subscription_id, *signal)
        else:
            assert delivery_seq is not None
            row = read_delivery(connection, subscription_id, delivery_seq)
    if as_json:
        typer.echo(json.dumps(row, default=str))
    else:
        for line in lines(row):
            typer.echo(line)
