"""`ecp audit`: the head of the chain to keep elsewhere, and what was changed since."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

import typer
from psycopg import Connection

from ops.errors import Refusal
from ops.postgres import Stack
from ops.progress import working
from ops.schema import deploy


class Head(NamedTuple):
    """A block of the chain; `hash` in hex, `sealed_at` as ISO 8601 in UTC."""

    number: int
    hash: str
    sealed_at: str

    @classmethod
    def load(cls, path: Path) -> Self:
        """As export-head wrote it. Raises TRH05."""
        try:
            found = json.loads(path.read_text())
            head = cls(int(found["number"]), bytes.fromhex(found["hash"]).hex(), str(found["sealed_at"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Refusal(
                "TRH05", f"{path} is not an exported head", "use a file that ecp audit export-head wrote"
            ) from error
        return head


class Violation(NamedTuple):
    """Where the database is not what was sealed; `number` of the block, None where no block will ever be."""

    relation: str
    number: int | None
    violation: str


class Retired(NamedTuple):
    """How many rows of a table are gone by retention; `number` of the newest block that had one of them."""

    relation: str
    rows: int
    number: int | None


def read_head(connection: Connection[Any]) -> Head | None:
    """The newest block; None while nothing is sealed."""
    row = connection.execute("select number, hash, sealed_at at time zone 'UTC' from audit.head()").fetchone()
    return Head(row[0], row[1].hex(), f"{row[2].isoformat()}Z") if row else None


def read(connection: Connection[Any], head: Head | None) -> list[Violation]:
    """What verify finds, of the chain that had this head."""
    given = (head.number, bytes.fromhex(head.hash)) if head else (None, None)
    rows = connection.execute("select relation, number, violation from audit.verify(%s, %s)", given).fetchall()
    return sorted((Violation(*row) for row in rows), key=lambda each: (each.relation, each.number or 0))


def read_retired(connection: Connection[Any]) -> list[Retired]:
    """What is not there to be compared any more, of which the chain has the hashes."""
    rows = connection.execute("select relation, rows, number from audit.retired() order by relation").fetchall()
    return [Retired(*row) for row in rows]


def lines(newest: Head | None, head: Head | None, violations: list[Violation], retired: list[Retired]) -> Iterator[str]:
    """A line for each table that retention took from and for each violation, and one that sums up."""
    for gone in retired:
        upto = f"up to block {gone.number}" if gone.number else "of no block"
        yield f"gone by retention: {gone.rows} rows of {gone.relation}, {upto}"
    for each in violations:
        where = f"block {each.number}" if each.number else "no block"
        yield f"FAIL  {each.relation}, {where}: {each.violation}"
    if violations:
        yield f"{len(violations)} violations"
    elif newest is None:
        yield "nothing is sealed yet"
    else:
        yield f"the chain holds, up to block {newest.number} of {newest.sealed_at}"
        if head is None:
            yield "without --head, a chain that was cut or sealed anew would look the same"


def export_head(stack: Stack, *, out: Path | None) -> None:
    """Print the head as JSON, or write it to a file. Raises TRD01, TRD03, TRD04, TRH04."""
    with _connect(stack) as connection:
        head = read_head(connection)
    if head is None:
        raise Refusal("TRH04", "nothing is sealed yet", "the job audit.seal does it by the clock, while a gateway runs")
    text = json.dumps(head._asdict())
    if out is None:
        typer.echo(text)
    else:
        out.write_text(text + "\n")
        typer.echo(f"block {head.number} of {head.sealed_at}, in {out}")


def verify(stack: Stack, *, head_file: Path | None, as_json: bool) -> None:
    """Print what does not hold; exit status 1 if anything. Raises TRD01, TRD03, TRD04, TRH05."""
    head = Head.load(head_file) if head_file else None
    with _connect(stack) as connection, working("comparing all that was sealed"):
        violations = read(connection, head)
        retired = read_retired(connection)
        newest = read_head(connection)
    if as_json:
        found = [each._asdict() for each in violations]
        said = {"ok": not found, "newest": newest and newest._asdict(), "head": head and head._asdict()}
        typer.echo(json.dumps(said | {"violations": found, "retired": [each._asdict() for each in retired]}))
    else:
        for line in lines(newest, head, violations, retired):
            typer.echo(line)
    if violations:
        raise typer.Exit(1)


@contextmanager
def _connect(stack: Stack) -> Iterator[Connection[Any]]:
    """As whoever the URL says: an auditor reads no table, not even the one that says which version is deployed."""
    stack.start()
    with deploy.connect(stack.url()) as connection:
        if connection.execute("select to_regclass('audit.seals')").fetchone() == (None,):
            raise Refusal("TRD04", "nothing is deployed in this database", "run: ecp deploy")
        yield connection
