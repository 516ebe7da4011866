"""The schedule is kept by a gateway, by pg_cron, or by both, and it is the same: what becomes
of a job does not depend on its clock.

Each test waits to be told by the jobs themselves; none looks before."""

import asyncio
import fcntl
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict

from gateway.jobs import Ticker
from gateway.lanes import connector
from ops.paths import VAR
from ops.postgres import Stack
from ops.schema import extensions

pytestmark = pytest.mark.core

# What a job tells, it tells when it has committed.
TELL = """
    delete from ops.jobs;
    create table public.calls (name text not null, who text not null default session_user);
    grant all on public.calls to ecp_owner;
    create function public.tell() returns text language plpgsql as $$
    begin
        insert into public.calls (name) values ('tell');
        perform pg_notify('ran', 'tell');
        return 'told';
    end $$;
    create function public.fail() returns text language plpgsql as $$ begin raise division_by_zero; end $$;
    grant execute on function public.tell(), public.fail() to public;
"""
ADD: LiteralString = "insert into ops.jobs (name, call, every, due_at) values (%s, %s, %s, core.now())"


@contextmanager
def by_gateway(gateway_dsn: str) -> Iterator[None]:
    """The ticker of a gateway, on a loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    ticker = Ticker(connector(gateway_dsn, "ecp_gateway", "jobs"), deadline=30)
    loop.call_soon_threadsafe(ticker.start)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(ticker.stop(), loop).result(timeout=10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def cron_of(server: Stack) -> Iterator[Connection[Any]]:
    """The database of the server that pg_cron lives in, which all workers of a run share."""
    with psycopg.connect(server.url(), autocommit=True) as cron:
        with closing((VAR / "test-cron.lock").open("w")) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            cron.execute("create extension if not exists pg_cron")
        yield cron


@contextmanager
def by_cron(server: Stack, database_url: str) -> Iterator[None]:
    """The real pg_cron, which lives in one database of the server and calls into this one."""
    name = str(conninfo_to_dict(database_url)["dbname"])
    with cron_of(server) as cron, psycopg.connect(database_url, autocommit=True) as listener:
        listener.execute("listen ran")
        listener.execute(ADD, ["first", "public.tell", "1 hour"])
        extensions.schedule(cron, name)
        try:
            # An entry that is made while pg_cron reads its entries for another's sake stays unseen until one changes.
            for _ in range(4):
                if list(listener.notifies(timeout=5, stop_after=1)):
                    break
                cron.execute("select cron.alter_job(jobid, active := true) from cron.job where database = %s", [name])
            else:
                pytest.fail("pg_cron does not call")
            listener.execute("delete from ops.jobs; delete from ops.job_runs; delete from public.calls")
            yield
        finally:
            cron.execute("select cron.unschedule(jobid) from cron.job where database = %s", [name])


@pytest.fixture(params=["gateway", "pg_cron", "both"])
def clock(request: pytest.FixtureRequest, server: Stack, database_url: str, gateway_dsn: str) -> Iterator[str]:
    """Somebody calls the schedule every second."""
    kind: str = request.param
    if kind != "gateway" and server.name != "full":
        pytest.skip("this stack has no pg_cron")
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(TELL.encode())
    if kind == "gateway":
        with by_gateway(gateway_dsn):
            yield kind
    elif kind == "pg_cron":
        with by_cron(server, database_url):
            yield kind
    else:
        with by_gateway(gateway_dsn), by_cron(server, database_url):
            yield kind


@pytest.fixture
def listener(database_url: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("listen ran")
        yield connection


def hear(listener: Connection[Any], times: int = 1) -> list[str]:
    heard = [notice.payload for notice in listener.notifies(timeout=20, stop_after=times)]
    assert len(heard) >= times, "nobody ran the job"
    return heard


def test_what_is_due_runs_and_goes_on(clock: str, listener: Connection[Any], db: Connection[Any]) -> None:
    db.execute(ADD, ["tells", "public.tell", "1 second"])
    db.execute(ADD, ["fails", "public.fail", "1 second"])
    hear(listener, 3)
    assert db.execute("select distinct result from ops.job_runs where name = 'tells'").fetchall() == [("told",)]
    assert db.execute("select failing_since is null from ops.jobs where name = 'tells'").fetchall() == [(True,)]
    assert db.execute("select distinct sqlstate from ops.job_runs where name = 'fails'").fetchall() == [("22012",)]
    who = {user for (user,) in db.execute("select distinct who from public.calls").fetchall()}
    assert who <= {"gateway": {"ecp_gateway"}, "pg_cron": {"ecp_operator"}}.get(clock, {"ecp_gateway", "ecp_operator"})


@pytest.mark.usefixtures("clock")
def test_one_slot_is_one_run_whoever_calls(listener: Connection[Any], db: Connection[Any]) -> None:
    """A second job that is due every second proves that the clock has come round several times since."""
    db.execute(ADD, ["once", "public.tell", "1 hour"])
    hear(listener)
    db.execute("truncate public.calls")
    db.execute(ADD, ["often", "public.tell", "1 second"])
    hear(listener, 4)
    runs = db.execute("select name, count(*) from ops.job_runs where name = 'once' group by name").fetchall()
    assert runs == [("once", 1)]


@pytest.mark.usefixtures("clock")
def test_a_job_that_is_killed_midway_is_done_once(listener: Connection[Any], db: Connection[Any]) -> None:
    """It is killed after it has written and before it commits; the next round does it."""
    db.execute(
        """
        create table public.gate (is_open boolean not null);
        insert into public.gate values (false);
        grant all on public.gate to ecp_owner;
        create function public.slow() returns text language plpgsql as $$
        begin
            insert into public.calls (name) values ('slow');
            -- Waits for the test, which holds the row.
            perform 1 from public.gate for update;
            perform pg_notify('ran', 'slow');
            return 'done';
        end $$;
        grant execute on function public.slow() to public;
        """
    )
    with psycopg.connect(db.info.dsn, autocommit=False) as holder:
        holder.execute("select 1 from public.gate for update")
        db.execute(ADD, ["slow", "public.slow", "1 hour"])
        # Two may be at it, one after the other: the second finds the job held, and passes it over.
        killed, deadline = None, time.monotonic() + 20
        while killed is None and time.monotonic() < deadline:
            killed = db.execute(
                "select pg_terminate_backend(pid, 10000) from pg_stat_activity"
                " where datname = current_database() and wait_event_type = 'Lock' limit 1"
            ).fetchone()
        assert killed == (True,)
        assert db.execute("select count(*) from ops.job_runs").fetchone() == (0,)
        holder.rollback()
    assert hear(listener) == ["slow"]
    assert db.execute("select name, count(*) from public.calls group by name").fetchall() == [("slow", 1)]
    assert db.execute("select name, result from ops.job_runs").fetchall() == [("slow", "done")]


def test_scheduling_again_changes_nothing(server: Stack, template: str) -> None:  # noqa: ARG001
    if server.name != "full":
        pytest.skip("this stack has no pg_cron")
    with cron_of(server) as cron:
        for _ in range(2):
            extensions.schedule(cron, "template1")
        entries = cron.execute(
            "select jobname, schedule, command, username, active from cron.job where database = 'template1'"
        ).fetchall()
        cron.execute("select cron.unschedule(jobid) from cron.job where database = 'template1'")
    assert entries == [("jobs of template1", "1 second", "call ops.tick()", "ecp_operator", True)]
