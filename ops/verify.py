"""`ecp verify`: the invariants that can be read off the database, each with a line."""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import typer
from psycopg import Connection

from ops.answer import connected
from ops.postgres import Stack
from ops.progress import working


class Check(NamedTuple):
    """An invariant: what it means if it holds, the first offending rows if it does not."""

    name: str
    ok: bool
    detail: str


def read(connection: Connection[Any]) -> list[Check]:
    """Check every invariant."""
    return [Check(*row) for row in connection.execute("select name, ok, detail from ops.verify()").fetchall()]


def lines(checks: Iterable[Check]) -> list[str]:
    """A line for each, aligned."""
    checks = list(checks)
    width = max(len(check.name) for check in checks)
    return [f"{'ok  ' if check.ok else 'FAIL'}  {check.name:<{width}}  {check.detail}" for check in checks]


def run(stack: Stack, *, as_json: bool) -> None:
    """Print the checks; exit status 1 unless all hold. Raises TRD01, TRD03, TRD04, TRD05."""
    with connected(stack) as connection, working("checking the invariants"):
        checks = read(connection)
    ok = all(check.ok for check in checks)
    if as_json:
        typer.echo(json.dumps({"ok": ok, "checks": [check._asdict() for check in checks]}))
    else:
        for line in lines(checks):
            typer.echo(line)
        failed = sum(not check.ok for check in checks)
        typer.echo(f"{failed} of {len(checks)} invariants do not hold" if failed else "every invariant holds")
    if not ok:
        raise typer.Exit(1)
