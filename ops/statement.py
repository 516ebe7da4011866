"""`ecp statement`: what an account paid or was paid, what for, and what it had before and after."""

from datetime import datetime
from typing import Any

from psycopg import Connection

from ops.answer import connected
from ops.postgres import Stack
from ops.rows import Rows, show

STATEMENT = """
select occurred_at, kind, what, change, balance, transfer_id
from billing.statement(%s, %s, coalesce(%s, date_trunc('month', core.now(), 'UTC')), coalesce(%s, core.now()), %s)
order by line
"""


def read(
    connection: Connection[Any],
    account_id: int,
    currency: str,
    kind: str = "WALLET",
    *,
    begin: datetime | None = None,
    end: datetime | None = None,
) -> Rows:
    """The lines of billing.statement, by default of this month up to now. Raises TRB08, TRS36."""
    cursor = connection.execute(STATEMENT, [account_id, currency, begin, end, kind])
    return Rows([column.name for column in cursor.description or ()], cursor.fetchall())


def run(
    stack: Stack,
    account_id: int,
    currency: str,
    kind: str,
    *,
    begin: datetime | None,
    end: datetime | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Print the statement. Raises TRD01, TRD03, TRD04, TRD05, TRB08, TRS36."""
    with connected(stack) as connection:
        found = read(connection, account_id, currency, kind, begin=begin, end=end)
    show(found, as_json=as_json, as_csv=as_csv)
