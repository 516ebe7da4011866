"""A deployed database under a clock that stands still."""

from datetime import datetime, timedelta
from typing import Any, LiteralString, Self

import psycopg
from psycopg import Connection
from psycopg.rows import dict_row

from tests.db.plane.values import START

# The clock is a row, so that every session of the test sees the same time and nothing has to be planned again.
CLOCK = """
    create table public.clock (at timestamptz not null);
    grant select on public.clock to public;
    insert into public.clock values ('{start}');
    create or replace function core.now() returns timestamptz language sql volatile parallel safe
    as $$ select at from public.clock $$;
"""

# Every table but those whose rows a migration writes.
TABLES: LiteralString = """
    select c.oid::regclass::text
    from pg_class as c
    where c.relkind in ('r', 'p') and not c.relispartition
        and c.relnamespace::regnamespace::text in ('access', 'audit', 'billing', 'signals', 'trust')
        and c.relname not in (
            'actions', 'binding_key', 'currencies', 'rules', 'sources',
            'subscription_states', 'subscription_transitions'
        )
"""


class Database:
    """Sessions of those who use it, and all that is in it as the superuser sees it."""

    def __init__(self, url: str, *, start: datetime = START) -> None:
        self.url = url
        self.admin = psycopg.connect(url, autocommit=True)
        if self.admin.execute("select to_regclass('public.clock') is null").fetchone() == (True,):
            self.admin.execute(CLOCK.format(start=start.isoformat()).encode())
        self.operator = self.connect("ecp_operator")
        self.gateway = self.connect("ecp_gateway")
        self._names = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in (self.admin, self.operator, self.gateway):
            connection.close()

    def reset(self) -> None:
        """Forget everything that was set up and done; what the migrations wrote stays."""
        with self.admin.transaction():
            self.admin.execute("set local session_replication_role = replica")
            self.admin.execute("; ".join(f"delete from {table}" for table in self.rows(TABLES)).encode())
        self.set_clock(START)

    def connect(self, role: LiteralString) -> Connection[Any]:
        """Another session that may do what this role may."""
        connection = psycopg.connect(self.url, autocommit=True)
        connection.execute(f"set role {role}")
        return connection

    def value(self, query: LiteralString, *parameters: Any) -> Any:
        """The first column of the first row, as superuser."""
        row = self.admin.execute(query, parameters).fetchone()
        assert row is not None
        return row[0]

    def rows(self, query: LiteralString, *parameters: Any) -> list[Any]:
        """Rows as superuser; of one column, its values."""
        rows = self.admin.execute(query, parameters).fetchall()
        return [row[0] if len(row) == 1 else row for row in rows]

    def record(self, query: LiteralString, *parameters: Any) -> dict[str, Any]:
        """The one row that there must be, by column name, as superuser."""
        found = self.admin.cursor(row_factory=dict_row).execute(query, parameters).fetchall()
        assert len(found) == 1, found
        return found[0]

    # Time, and what is done when it has passed

    @property
    def now(self) -> datetime:
        found: datetime = self.value("select at from public.clock")
        return found

    def set_clock(self, at: datetime) -> None:
        self.admin.execute("update public.clock set at = %s", [at])

    def tick(self, **duration: float) -> None:
        """Let time pass, or go back: tick(milliseconds=500)."""
        self.admin.execute("update public.clock set at = at + %s", [timedelta(**duration)])

    def escalate(self) -> str | None:
        result: str | None = self.value("select signals.escalate()")
        return result

    def find_drift(self) -> str | None:
        result: str | None = self.value("select signals.find_drift()")
        return result

    def seal(self) -> None:
        """Seal all that is committed, once the transactions that other tests have on the same server let it."""
        mark = self.value("select pg_current_xact_id()::text::bigint")
        while self.value("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint") <= mark:
            pass
        self.admin.execute("select audit.seal()")
