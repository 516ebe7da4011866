"""What passes of SQL that others write: one SELECT over the views of analytics and nothing else.

It is the first of two walls, each of which would do; the second is the role that it is run as. `ecp query` and the HTTP
API ask here."""

import logging
import re
from typing import Any

import sqlglot
from sqlglot import exp

from gateway.errors import Refused

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
    at in turn, and must come out as it is: otherwise a part of it was written as it came. Raises Refused with TRQ01."""
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


def _refusal(why: str) -> Refused:
    return Refused("TRQ01", why)


def length(value: Any) -> int:
    """How long rows are, or what is in one, as far as that is worth counting."""
    match value:
        case str() | bytes():
            return len(value)
        case dict():
            return sum(len(name) + length(each) for name, each in value.items())
        case list() | tuple():
            return len(value) + sum(map(length, value))
        case _:
            return 0
