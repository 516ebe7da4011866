"""`ecp query`: SQL of other people's, over the views of analytics and nothing else.

Two walls, each of which would do: the text is parsed, and only what is understood and allowed passes
(gateway/query.py); and what passes runs as ecp_analyst, who may read those views only, in a transaction that only
reads, for so long and so many rows.
"""

from typing import Any

import typer
from psycopg import Connection, ServerCursor, errors
from psycopg.sql import SQL, Literal

from gateway import query
from gateway.errors import Refused
from gateway.query import FETCHED, MOST_BYTES, SCHEMA
from ops.errors import Refusal
from ops.postgres import Stack
from ops.rows import Rows, show
from ops.schema import deploy

ROLE = "ecp_analyst"


def checked(text: str) -> str:
    """The SELECT that it is. Raises TRQ01."""
    try:
        return query.checked(text)
    except Refused as refused:
        raise Refusal(
            refused.code,
            f"the query is refused: {refused.detail}",
            f"one SELECT over the views of {SCHEMA}, with aggregates, windows and functions of numbers, text and time",
        ) from None


def execute(connection: Connection[Any], text: str, *, limit: int, seconds: float) -> Rows:
    """The first rows of what is asked, if it passes. The connection is one of ecp_analyst, or of who may become it and
    is no superuser. Raises TRQ01, TRQ02, TRQ03, and what Postgres has to say."""
    statement = checked(text)
    if connection.execute("select rolsuper from pg_roles where rolname = session_user").fetchone() == (True,):
        raise Refusal(
            "TRQ03",
            "the connection is a superuser's, who could not be held to the rights of an analyst",
            f"log in as {ROLE}, or as a member of it",
        )
    try:
        with connection.transaction():
            connection.execute("set transaction read only")
            if connection.execute("select current_user <> %s", [ROLE]).fetchone() == (True,):
                connection.execute(f"set local role {ROLE}".encode())
            connection.execute(SQL("set local statement_timeout = {}").format(Literal(f"{int(seconds * 1000)}ms")))
            with connection.cursor("query") as cursor:
                cursor.execute(statement.encode())
                columns = [column.name for column in cursor.description or ()]
                rows, is_cut = _first(cursor, limit)
    except errors.QueryCanceled:
        raise Refusal(
            "TRQ02",
            f"the query was stopped after {seconds:g} s",
            "ask for less: a shorter time, one stream, no join of all with all",
        ) from None
    except errors.DataError as error:
        if error.sqlstate:
            raise
        # It is Python that has no such value: a time after the year 9999, say.
        raise Refusal("TRQ01", f"the query finds what cannot be shown: {error}", "cast it to text") from None
    return Rows(columns, rows, is_cut)


def _first(cursor: ServerCursor[Any], limit: int) -> tuple[list[tuple[Any, ...]], bool]:
    """So many rows, or as many as are not too long together; and whether there are more."""
    rows: list[tuple[Any, ...]] = []
    length = 0
    while len(rows) <= limit and length <= MOST_BYTES and (more := cursor.fetchmany(FETCHED)):
        rows += more
        length += query.length(more)
    return rows[:limit], len(rows) > limit or length > MOST_BYTES


def run(stack: Stack, text: str, *, limit: int, seconds: float, as_json: bool, as_csv: bool) -> None:
    """Print what the query finds. Raises TRQ01, TRQ02, TRQ03, TRD01, TRD03, TRD04."""
    checked(text)
    stack.start()
    with deploy.connect(stack.url(user=ROLE)) as connection:
        if connection.execute("select to_regnamespace(%s) is null", [SCHEMA]).fetchone() == (True,):
            raise Refusal("TRD04", "nothing is deployed in this database", "run: ecp deploy")
        result = execute(connection, text, limit=limit, seconds=seconds)
    show(result, as_json=as_json, as_csv=as_csv)
    if result.is_cut and not as_json:
        typer.echo(f"there are more than {limit} rows; --limit shows more", err=True)
