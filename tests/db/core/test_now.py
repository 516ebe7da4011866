"""The one clock."""

from datetime import timedelta
from typing import Any

import pytest
from psycopg import Connection

from tests.db.plane import Plane

pytestmark = pytest.mark.core


def test_it_is_the_database_s_clock_and_moves_within_a_transaction(db: Connection[Any]) -> None:
    with db.transaction():
        row = db.execute("select core.now() - clock_timestamp(), core.now() >= now()").fetchone()
        assert row is not None
        assert abs(row[0]) < timedelta(seconds=1)
        assert row[1]
        db.execute("select core.now() as before into temporary table stamp")
        assert db.execute("select core.now() > before from stamp").fetchone() == (True,)


def test_no_other_clock_decides_anything(plane: Plane) -> None:
    """What asks another clock cannot be tested, and does not agree with what asks this one."""
    found = plane.rows(
        r"""
        select p.oid::regprocedure::text
        from pg_proc as p
        where p.pronamespace::regnamespace::text in ('core', 'access', 'signals', 'billing', 'trust', 'audit', 'ops')
            -- access.binding names a transaction by the time at which it began, and judges nothing by it.
            and p.oid not in ('core.now'::regproc, 'access.binding'::regproc)
            and p.prosrc ~* '\m((clock|statement|transaction|current|local)_?timestamp|current_(date|time))\M'
        """
    )
    found += plane.rows(
        r"""
        select p.oid::regprocedure::text
        from pg_proc as p
        where p.pronamespace::regnamespace::text in ('core', 'access', 'signals', 'billing', 'trust', 'audit', 'ops')
            and p.oid <> 'core.now'::regproc and p.prosrc ~* '(^|[^.a-z_])now\s*\(\)'
        """
    )
    assert found == []
