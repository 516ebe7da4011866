"""One line of SQL with the rights of an operator, and its answer: a table, or a record."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, LiteralString

import typer
from psycopg import Connection

from ops.errors import Refusal
from ops.postgres import Stack
from ops.rows import Rows, lines

ROLE = "ecp_operator"


@contextmanager
def connected(stack: Stack) -> Iterator[Connection[Any]]:
    """As ecp_operator, or as whoever --database-url names. Raises TRD01, TRD03, TRD04, TRD05."""
    from ops.schema import deploy

    stack.start()
    with deploy.connect(stack.url(user=ROLE)) as connection:
        deploy.require_current(connection)
        yield connection


def ask(stack: Stack, sql: LiteralString, *parameters: Any, limit: int | None = None) -> Rows:
    """What `sql` finds: all of it, or the first `limit` rows. Raises what `connected` does, and the plane's codes."""
    with connected(stack) as connection:
        cursor = connection.execute(sql, parameters)
        rows = cursor.fetchall() if limit is None else cursor.fetchmany(limit + 1)
        return Rows([column.name for column in cursor.description or ()], rows[:limit], len(rows) > len(rows[:limit]))


def table(
    context: typer.Context, as_json: bool, sql: LiteralString, *parameters: Any, limit: int | None = None
) -> None:
    """Print rows: as a table, or as {"rows": [...], "is_cut": whether there are more}."""
    found = ask(context.obj.stack, sql, *parameters, limit=limit)
    if as_json:
        rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
        typer.echo(json.dumps({"rows": rows, "is_cut": found.is_cut}, default=str))
        return
    _draw(found)
    if found.is_cut:
        typer.echo(f"there are more than {limit} rows; --limit shows more", err=True)


def record(context: typer.Context, as_json: bool, sql: LiteralString, *parameters: Any) -> dict[str, Any]:
    """Print the one row: a line for each column, or one object. Raises TRD22 where there is none."""
    found = ask(context.obj.stack, sql, *parameters)
    if not found.rows:
        raise Refusal("TRD22", "there is nothing of this number", "the command list beside it shows what there is")
    row = dict(zip(found.columns, found.rows[0], strict=True))
    say(row, as_json=as_json)
    return row


def say(row: dict[str, Any], *, as_json: bool) -> None:
    """A line for each name and value, aligned, or one object."""
    if as_json:
        typer.echo(json.dumps(row, default=str))
        return
    width = max(map(len, row), default=0)
    for name, value in row.items():
        typer.echo(f"{name:<{width}}  {_text(value)}")


def _text(value: Any) -> str:
    """For people: times are UTC, to the second."""
    match value:
        case None:
            return "-"
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        case list():
            return ", ".join(map(str, value))
        case dict():
            return json.dumps(value)
        case _:
            return str(value)


def _draw(found: Rows) -> None:
    """In columns: by rich where somebody looks, in plain lines of any length where a program reads."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        plain = [[value if isinstance(value, (int, Decimal)) else _text(value) for value in row] for row in found.rows]
        for line in lines(found._replace(rows=[tuple(row) for row in plain])):
            typer.echo(line)
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD)
    for name in found.columns:
        drawn.add_column(name, overflow="fold")
    for row in found.rows:
        # Text, for what people wrote may look like markup.
        drawn.add_row(*(Text(_text(value)) for value in row))
    console.print(drawn)
