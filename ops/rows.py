"""What a query found: for people, for spreadsheets, for programs."""

import csv
import json
import sys
from decimal import Decimal
from typing import Any, NamedTuple

import typer


class Rows(NamedTuple):
    """Named columns; `is_cut` if there was more than was to be shown."""

    columns: list[str]
    rows: list[tuple[Any, ...]]
    is_cut: bool = False


def lines(found: Rows) -> list[str]:
    """A line for each row under one of names, aligned; numbers to the right."""
    table = [found.columns, *([_text(value) for value in row] for row in found.rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    right = [
        {type(value) for value in column if value is not None} & {int, float, Decimal} != set()
        for column in (zip(*found.rows, strict=True) if found.rows else [()] * len(widths))
    ]
    return [
        "  ".join(
            f"{text:{'>' if to_the_right else '<'}{width}}"
            for text, width, to_the_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in table
    ]


def _text(value: Any) -> str:
    return "-" if value is None else str(value)


def show(found: Rows, *, as_json: bool, as_csv: bool) -> None:
    """Print it: as one JSON object, as CSV with a header, or in aligned lines."""
    if as_json:
        typer.echo(json.dumps(found._asdict(), default=str))
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(found.columns)
        writer.writerows(found.rows)
    else:
        for line in lines(found):
            typer.echo(line)
