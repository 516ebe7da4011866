"""`ecp query`: SQL of other people's, over the views of analytics and nothing else.

Two walls, each of which would do: the text is parsed, and only what is understood and allowed passes; and what passes
runs as ecp_analyst, who may read those views only, in a transaction that only reads, for so long and so many rows.
"""

import logging
import re
from typing import Any

import sqlglot
import typer
from psycopg import Connection, ServerCursor, errors
from psycopg.sql import SQL, Literal
from sqlglot import exp

from ops.errors import Refusal
from ops.postgres import Stack
from ops.rows import Rows, show
from ops.schema import deploy

ROLE = "ecp_analyst"
SCHEMA = "analytics"
MOST_CHARACTERS = 20_000
# Rows are fetched so many at a time, until they are this long.
FETCHED = 50
MOST_BYTES = 16_000_000

# By the names that sqlglot has for them. Nothing that waits, writes, reads settings or files, or makes much of little.
FUNCTIONS = frozenset(
    """
    and or xor case if cast coalesce nullif greatest least exists array extract

    count sum avg min max stddev stddev_pop stddev_samp variance var_pop var_samp variance_pop corr
    percentile_cont percentile_disc mode array_agg group_concat string_agg logical_and logical_or

    row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value

    abs round ceil floor trunc sign sqrt power exp ln log mod width_bucket

    lower upper length substring left right trim concat concat_ws split_part str_position starts_with
    time_to_str to_char

    current_timestamp current_date date_trunc timestamp_trunc date_bin date_part age to_timestamp
    """.split()  # noqa: SIM905
)
TYPES = frozenset(
    """
    BIGINT INT SMALLINT DECIMAL DOUBLE FLOAT BOOLEAN TEXT VARCHAR CHAR UUID DATE TIME TIMESTAMP TIMESTAMPTZ TIMESTAMPNTZ
    INTERVAL ARRAY
    """.split()  # noqa: SIM905
)
WORD = re.compile("[A-Za-z_]+")
# What a SELECT may not have in it.
REFUSED = (
    exp.Command,
    exp.Copy,
    exp.DDL,
    exp.DML,
    exp.Into,
    exp.Lock,
    exp.Operator,
    exp.Parameter,
    exp.Placeholder,
)

# It warns of statements that it does not understand; they are refused.
logging.getLogger("sqlglot").setLevel(logging.ERROR)


def checked(text: str) -> str:
    """The one SELECT over analytics that this text is, written anew from what was understood of it. What runs is looked
    at in turn, and must come out as it is: otherwise a part of it was written as it came. Raises TRQ01."""
    if len(text) > MOST_CHARACTERS:
        raise _refusal(f"it is longer than {MOST_CHARACTERS} characters")
    written = _rewritten(text)
    if _rewritten(written) != written:
        raise _refusal("it means something else when it is read again")
    return written


def _rewritten(text: str) -> str:
    try:
        statements = [each for each in sqlglot.parse(text, dialect="postgres") if each is not None]
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        why = str(error).partition("\n")[0] if isinstance(error, sqlglot.errors.SqlglotError) else "too deeply nested"
        raise _refusal(f"it cannot be read: {why}") from None
    if len(statements) != 1:
        raise _refusal(f"it is {len(statements)} statements")
    (statement,) = statements
    if not isinstance(statement, exp.Query):
        raise _refusal(f"it is no SELECT but {statement.key.upper()}")
    try:
        names = {cte.alias for cte in statement.find_all(exp.CTE)}
        for node in statement.walk():
            _check(node, names)
        return statement.sql(dialect="postgres", comments=False)
    except RecursionError:
        raise _refusal("it is too deeply nested") from None


def _check(node: exp.Expr, names: set[str]) -> None:
    if isinstance(node, REFUSED):
        raise _refusal(f"it has {node.key.upper()} in it")
    match node:
        case exp.Var() if not WORD.fullmatch(node.name):
            raise _refusal(f"it has {node.name[:40]!r} for a word")
        case exp.CTE() if node.alias.lower().startswith("pg_"):
            # Where it is out of its scope, the name would mean the catalog's.
            raise _refusal(f"a WITH may not be called {node.alias}")
        case exp.Table():
            _check_table(node, names)
        case exp.Func():
            name = node.name if isinstance(node, exp.Anonymous) else node.sql_name()
            if name.lower() not in FUNCTIONS or isinstance(node.parent, exp.Dot):
                raise _refusal(f"it calls {name.lower()}")
        case exp.DataType() if getattr(node.this, "name", None) not in TYPES:
            raise _refusal(f"it makes something a {node.sql(dialect='postgres').lower()}")
        case _:
            pass


def _check_table(table: exp.Table, names: set[str]) -> None:
    known = isinstance(table.this, exp.Identifier) and not table.catalog
    if not known or not (table.db == SCHEMA or (not table.db and table.name in names)):
        raise _refusal(f"it reads {table.sql(dialect='postgres', comments=False)}")


def _refusal(why: str) -> Refusal:
    return Refusal(
        "TRQ01",
        f"the query is refused: {why}",
        f"one SELECT over the views of {SCHEMA}, with aggregates, windows and functions of numbers, text and time",
    )


def execute(connection: Connection[Any], text: str, *, limit: int, seconds: float) -> Rows:
    """The first rows of what is asked, if it passes. The connection is one of ecp_analyst, or of who may become it and
    is no superuser. Raises TRQ01, TRQ02, TRQ03, and what Postgres has to say."""
    query = checked(text)
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
                cursor.execute(query.encode())
                columns = [column.name for column in cursor.description or ()]
                rows, is_cut = _first(cursor, limit)
    except errors.QueryCanceled:
        raise Refusal(
            "TRQ02",
            f"the query was stopped after {seconds:g} s",
            "ask for less: a shorter time, one stream, no join of all with all",
        ) from None
    return Rows(columns, rows, is_cut)


def _first(cursor: ServerCursor[Any], limit: int) -> tuple[list[tuple[Any, ...]], bool]:
    """So many rows, or as many as are not too long together; and whether there are more."""
    rows: list[tuple[Any, ...]] = []
    length = 0
    while len(rows) <= limit and length <= MOST_BYTES and (more := cursor.fetchmany(FETCHED)):
        rows += more
        length += sum(len(value) for row in more for value in row if isinstance(value, (str, bytes, list)))
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
