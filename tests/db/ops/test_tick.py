"""The schedule for a clock outside the gateways: until nothing is due, a transaction for each job."""

import psycopg
import pytest

from tests.db.plane import Plane

pytestmark = pytest.mark.core


def test_each_job_is_a_transaction_of_its_own(own_plane: Plane) -> None:
    own_plane.admin.execute(
        """
        delete from ops.jobs;
        create function public.says() returns text language sql as 'select pg_current_xact_id()::text';
        grant execute on function public.says() to public;
        insert into ops.jobs (name, call, every, due_at)
        select 'job_' || n, 'public.says', '1 minute', core.now() from generate_series(1, 3) as n;
        """
    )
    own_plane.operator.execute("call ops.tick()")
    assert own_plane.rows("select count(*), count(distinct result) from ops.job_runs") == [(3, 3)]
    own_plane.operator.execute("call ops.tick()")
    assert own_plane.value("select count(*) from ops.job_runs") == 3


def test_only_operators_may(plane: Plane) -> None:
    for role in ("ecp_gateway", "ecp_api", "ecp_analyst", "ecp_auditor"):
        with plane.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("call ops.tick()")
