"""The clock of the database's jobs: it goes on whatever a job does, and wherever the database is."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import psycopg
import pytest

from gateway import jobs
from gateway.jobs import Ticker
from gateway.lanes import connector
from tests.gateway.conftest import Start, terminate
from tests.gateway.proxy import Proxy

pytestmark = pytest.mark.core

# Each run says what happened; jobs that are due always run again.
JOBS = """
    create function public.tell() returns text language plpgsql as $$
    begin
        perform pg_notify('ran', 'tell');
        return null;
    end $$;
    create function public.fail() returns text language plpgsql as $$ begin raise division_by_zero; end $$;
    grant execute on function public.tell(), public.fail() to public;
    insert into ops.jobs (name, call, every, due_at) values
        ('fails', 'public.fail', '1 second', core.now() - interval '1 hour'),
        ('tells', 'public.tell', '1 second', core.now());
"""

# Instead of ops.run_due_jobs: fails twice, then tells.
BROKEN = """
    create sequence public.runs;
    grant usage on sequence public.runs to public;
    create or replace function ops.run_due_jobs(p_limit integer default null) returns integer language plpgsql as $$
    begin
        if nextval('public.runs') < 3 then
            raise division_by_zero;
        end if;
        perform pg_notify('ran', current_setting('statement_timeout'));
        return 0;
    end $$;
"""


@pytest.fixture
async def heard(database_url: str) -> AsyncIterator["asyncio.Queue[object]"]:
    """What jobs have told."""
    connection = await asyncpg.connect(database_url)
    told: asyncio.Queue[object] = asyncio.Queue()
    await connection.add_listener("ran", lambda _connection, _pid, _channel, payload: told.put_nowait(payload))
    yield told
    await connection.close()


async def hear(heard: "asyncio.Queue[object]", times: int = 1) -> object:
    """What was told last."""
    async with asyncio.timeout(60):
        for _ in range(times):
            said = await heard.get()
    return said


async def test_gateway_runs_what_is_due(
    start: Start, heard: "asyncio.Queue[object]", db: psycopg.Connection[tuple[object, ...]]
) -> None:
    db.execute(JOBS)
    gateway = await start()
    await hear(heard, 2)
    failures = db.execute("select distinct sqlstate from ops.job_runs where name = 'fails'").fetchall()
    assert failures == [("22012",)]
    terminate(db, "jobs")
    while not heard.empty():
        heard.get_nowait()
    await hear(heard, 2)
    assert "ticker" in tasks()
    await gateway.stop()
    assert "ticker" not in tasks()


def tasks() -> set[str]:
    return {task.get_name() for task in asyncio.all_tasks()}


async def test_a_job_that_takes_long_holds_up_no_other(
    start: Start, heard: "asyncio.Queue[object]", db: psycopg.Connection[tuple[object, ...]]
) -> None:
    db.execute(JOBS)
    db.execute(
        """
        create function public.wait() returns text language sql as $$ select pg_advisory_xact_lock(1)::text $$;
        grant execute on function public.wait() to public;
        update ops.jobs set call = 'public.wait' where name = 'fails';
        """
    )
    db.execute("select pg_advisory_lock(1)")
    await start()
    await hear(heard, 2)
    db.execute("select pg_advisory_unlock(1)")


async def test_ticker_outlives_failures_and_the_database(
    gateway_dsn: str,
    heard: "asyncio.Queue[object]",
    db: psycopg.Connection[tuple[object, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs, "EVERY", 0.05)
    db.execute(BROKEN)
    async with Proxy(gateway_dsn) as proxy:
        ticker = Ticker(connector(proxy.url, "ecp_gateway", "jobs"), deadline=2)
        ticker.start()
        assert await hear(heard) == "2s"
        proxy.cut()
        while not heard.empty():
            heard.get_nowait()
        proxy.restore()
        await hear(heard, 3)
        await ticker.stop()
