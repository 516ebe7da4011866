"""`ecp whatif`: what a subscription would have copied under other settings, next to what it did."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import typer
from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from ops.answer import connected
from ops.errors import Refusal
from ops.postgres import Stack
from ops.progress import working

# Headings, and where their cells are aligned. Master: its lots. Then: as it was decided when it came.
COLUMNS = {
    "time (UTC)": "<",
    "signal": "<",
    "action": "<",
    "symbol": "<",
    "side": "<",
    "master": ">",
    "then": "<",
    "proposed": "<",
    "lots": ">",
    "cost": ">",
}
COPIED = ("COPIED", "CAUGHT_UP")
# What would be left open or opened by a change of settings; all else follows from these.
OPENINGS = ("OPEN", "PLACE")


def read(
    connection: Connection[Any],
    subscription_id: int,
    settings: dict[str, Any],
    begin: datetime | None,
    end: datetime | None,
) -> list[dict[str, Any]]:
    """The rows of signals.what_if, from `begin` up to `end`: by default the last 24 hours. Raises what it raises."""
    if end is None:
        ((end,),) = connection.execute("select core.now()").fetchall()
    if begin is None:
        begin = end - timedelta(days=1)
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select * from signals.what_if(%s, %s, %s, %s)", [subscription_id, Jsonb(settings), begin, end]
        ).fetchall()


def summary(rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Signals replayed, openings copied and their lots then and as proposed, and what the proposed ones cost: by
    symbol, since each has the currency that its profits are in."""
    rows = list(rows)
    opened = [row for row in rows if row["action"] in OPENINGS]
    cost: dict[str, Decimal] = {}
    for row in opened:
        if row["cost"] is not None:
            cost[row["copy_symbol"]] = cost.get(row["copy_symbol"], Decimal(0)) + row["cost"]
    return {
        "signals": len(rows),
        "copied_then": sum(row["reason_then"] in COPIED for row in opened),
        "copied": sum(row["reason"] in COPIED for row in opened),
        "lots_then": sum((row["volume_then"] or 0 for row in opened if row["reason_then"] in COPIED), Decimal(0)),
        "lots": sum((row["volume"] or 0 for row in opened if row["reason"] in COPIED), Decimal(0)),
        "cost": cost,
    }


def lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    """A table of the signals, and what they come to."""
    if not rows:
        yield "the master sent nothing to replay in that time"
        return
    table = [list(COLUMNS), *([*_cells(row)] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for cells in table:
        aligned = zip(cells, COLUMNS.values(), widths, strict=True)
        yield "  ".join(f"{cell:{side}{width}}" for cell, side, width in aligned).rstrip()
    yield ""
    total = summary(rows)
    costs = ", ".join(f"{_number(money)} in {symbol}" for symbol, money in total["cost"].items())
    yield (
        f"{total['signals']} signals: {total['copied']} openings of {_number(total['lots'])} lots copied"
        + (f", cost {costs}; " if costs else "; ")
        + f"then {total['copied_then']} of {_number(total['lots_then'])} lots"
    )


def _cells(row: dict[str, Any]) -> Iterator[str]:
    yield f"{row['sent_at'].astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    yield f"{row['epoch']}/{row['seq']}"
    yield row["action"]
    yield row["symbol"] or ""
    yield row["side"] or ""
    yield _number(row["master_volume"])
    yield _outcome(row["reason_then"], row["volume_then"])
    # Where the copy is another symbol or the other side, that is part of the answer.
    other = [
        row[copy]
        for copy, own in (("copy_symbol", "symbol"), ("copy_side", "side"))
        if row[copy] not in (None, row[own])
    ]
    yield " ".join([row["reason"] or "", *other]).strip()
    yield _number(row["volume"])
    yield _number(row["cost"])


def _outcome(reason: str | None, volume: Decimal | None) -> str:
    return " ".join(filter(None, [reason or "-", _number(volume)]))


def _number(value: Decimal | None) -> str:
    """Without the zeros at its end; nothing for null."""
    return "" if value is None else f"{value.normalize():,f}" if value else "0"


def settings(text: str) -> dict[str, Any]:
    """What --settings says. Raises TRS20 for what is no JSON object."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Refusal("TRS20", f"the settings are not JSON: {error}", _EXAMPLE) from error
    if not isinstance(found, dict):
        raise Refusal("TRS20", "the settings are JSON, but no object", _EXAMPLE)
    return found


_EXAMPLE = """for example --settings '{"sizing": "RISK", "risk_percent": 1}'"""


def run(
    stack: Stack,
    subscription_id: int,
    proposed: str,
    *,
    begin: datetime | None,
    end: datetime | None,
    as_json: bool,
) -> None:
    """Print the comparison. Raises TRS17, TRS20, TRD01, TRD03, TRD04, TRD05."""
    changes = settings(proposed)
    with connected(stack) as connection, working("replaying what the master sent"):
        rows = read(connection, subscription_id, changes, begin, end)
    if as_json:
        typer.echo(json.dumps({"settings": changes, **summary(rows), "rows": rows}, default=str))
    else:
        for line in lines(rows):
            typer.echo(line)
