"""What somebody should look at: nothing when all is well, and what is not well by the clock, without a job."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg.rows import dict_row

from ops.paths import ROOT
from tests.db.plane import START, Copier, Master, Plane

pytestmark = pytest.mark.core


ALL_RAN: LiteralString = "update ops.jobs set due_at = core.now() + every, ran_at = core.now(), failing_since = null"


def read(plane: Plane) -> list[dict[str, Any]]:
    """As whoever is on duty reads it, of this database: slots are the server's, which others test on too."""
    query = "select * from ops.alarms where alarm <> 'REPLICATION_SLOT' order by alarm, subject"
    found = plane.operator.cursor(row_factory=dict_row).execute(query.encode()).fetchall()
    assert all((ROOT / "ops/runbooks" / f"{row['runbook']}.sql").exists() for row in found), (
        "what it names to read is there"
    )
    return found


def alarms(plane: Plane) -> list[tuple[str, str]]:
    return [(row["alarm"], row["subject"]) for row in read(plane)]


def alarm(plane: Plane) -> dict[str, Any]:
    """The one alarm that there must be."""
    (found,) = read(plane)
    return found


@pytest.fixture(autouse=True)
def on_time(plane: Plane) -> Callable[[], None]:
    """Every job ran just now, whatever was done with them before; and again when it is called."""

    def run() -> None:
        plane.admin.execute(ALL_RAN)
        plane.seal()

    run()
    return run


def only(plane: Plane, every: str, call: str = "signals.find_drift") -> None:
    """From now on there is one job, so often, and it ran just now."""
    plane.admin.execute("delete from ops.jobs")
    plane.admin.execute(
        "insert into ops.jobs (name, call, every, due_at, ran_at)"
        " select 'find_drift', %s, e, core.now() + e, core.now() from cast(%s as interval) as e",
        [call, every],
    )


def test_when_all_is_well_there_is_none(plane: Plane, copier: Copier, master: Master) -> None:
    master.does("OPEN")
    for delivery in copier.receives():
        copier.reports(delivery.delivery_seq)
    assert alarms(plane) == []


@pytest.mark.parametrize(
    ("every", "seconds", "is_late"),
    [
        ("5 minutes", 599, False),
        ("5 minutes", 600, True),
        ("5 seconds", 9.9, False),
        ("5 seconds", 10, True),
        # What is due every second may take a moment longer now and then.
        ("1 second", 5.9, False),
        ("1 second", 6, True),
    ],
)
def test_a_job_is_missed_within_two_periods(own_plane: Plane, every: str, seconds: float, is_late: bool) -> None:
    only(own_plane, every)
    own_plane.tick(seconds=seconds)
    assert alarms(own_plane) == ([("JOB_LATE", "find_drift")] if is_late else [])


def test_a_job_that_runs_again_is_not_missed_any_more(own_plane: Plane) -> None:
    only(own_plane, "5 minutes")
    own_plane.tick(hours=3)
    found = alarm(own_plane)
    assert (found["since"], found["runbook"]) == (START + timedelta(minutes=5), "jobs")
    assert f"not done since {START:%Y-%m-%d %H:%M:%S}" in found["what"]
    assert own_plane.gateway.execute("select ops.run_due_jobs()").fetchone() == (1,)
    assert alarms(own_plane) == []


def test_a_job_that_is_killed_each_time_is_missed(own_plane: Plane) -> None:
    """Nothing that it did is there, and nothing says that it was tried: what is seen is that it is not done."""
    own_plane.admin.execute(
        "create function public.dies() returns text language plpgsql as"
        " $$ begin perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(0); return 'done'; end $$;"
        " grant execute on function public.dies() to public"
    )
    only(own_plane, "1 minute", "public.dies")
    # The session is a superuser's, so that only a superuser's function may end it.
    own_plane.admin.execute("alter function public.dies() security definer")
    for _ in range(2):
        own_plane.tick(minutes=1)
        with own_plane.connect("ecp_gateway") as gateway, pytest.raises(psycopg.OperationalError):
            gateway.execute("select ops.run_due_jobs()")
    assert alarms(own_plane) == [("JOB_LATE", "find_drift")]
    assert own_plane.rows("select name from ops.job_runs") == []


def test_a_job_that_fails_says_since_when_and_with_what_until_it_goes_well(own_plane: Plane) -> None:
    only(own_plane, "1 minute", "signals.away")
    for _ in range(3):
        own_plane.tick(minutes=1)
        own_plane.gateway.execute("select ops.run_due_jobs()")
    found = alarm(own_plane)
    assert (found["alarm"], found["subject"], found["since"]) == (
        "JOB_FAILS",
        "find_drift",
        START + timedelta(minutes=1),
    )
    assert found["what"].startswith("fails with 42883: function signals.away() does not exist")
    own_plane.admin.execute("update ops.jobs set call = 'signals.find_drift' where name = 'find_drift'")
    own_plane.tick(minutes=1)
    own_plane.gateway.execute("select ops.run_due_jobs()")
    assert alarms(own_plane) == []


def test_a_halt_says_who_and_why(plane: Plane, master: Master) -> None:
    plane.halt()
    assert alarm(plane)["what"] == "halted by a test: a drill"
    plane.lift_halt()
    plane.halt("STREAM", master.stream)
    assert alarms(plane) == [("HALTED", f"stream {master.name}")]
    plane.lift_halt("STREAM", master.stream)
    plane.halt("ACCOUNT", master.account)
    plane.halt("SYMBOL", "EURUSD")
    name = plane.value("select name from access.accounts where account_id = %s", master.account)
    assert alarms(plane) == [("HALTED", f"account {name}"), ("HALTED", "symbol EURUSD")]
    plane.lift_halt("ACCOUNT", master.account)
    plane.lift_halt("SYMBOL", "EURUSD")
    assert alarms(plane) == []


def test_a_close_that_is_not_answered_for_a_minute(
    plane: Plane, master: Master, copier: Copier, on_time: Callable[[], None]
) -> None:
    master.does("OPEN")
    copier.reports(copier.receives()[0].delivery_seq)
    master.does("CLOSE", 1)
    assert len(copier.receives()) == 1
    plane.tick(seconds=60)
    on_time()
    assert alarms(plane) == []
    plane.tick(seconds=1)
    on_time()
    found = alarm(plane)
    assert (found["alarm"], found["subject"], found["since"]) == (
        "UNANSWERED",
        f"subscription {copier.subscription}",
        START,
    )
    copier.reports(copier.newest)
    assert alarms(plane) == []


def test_what_is_accepted_and_not_dispatched_for_five_seconds(
    plane: Plane, master: Master, copier: Copier, on_time: Callable[[], None]
) -> None:
    master.does("OPEN")
    assert alarms(plane) == []
    plane.tick(seconds=5.1)
    on_time()
    found = alarm(plane)
    assert (found["alarm"], found["since"]) == ("NOT_DISPATCHED", START)
    assert found["what"] == f"1 signals accepted, and not dispatched into lane {copier.lane}"
    copier.receives()
    assert alarms(plane) == []


@pytest.mark.parametrize(
    ("cause", "state", "runbook"),
    [("gap", "DEGRADED_GAP", "gap"), ("toxic", "PAUSED_TOXIC", "paused"), ("no_funds", "LOCKED_NO_FUNDS", "paused")],
)
def test_subscriptions_that_take_no_new_exposure(
    plane: Plane, copier: Copier, cause: str, state: str, runbook: str
) -> None:
    plane.transition(copier.subscription, cause)
    found = alarm(plane)
    assert (found["alarm"], found["subject"], found["since"], found["runbook"]) == (
        "NOT_COPYING",
        state,
        START,
        runbook,
    )


def test_what_the_subscriber_chose_is_none(plane: Plane, copier: Copier) -> None:
    plane.transition(copier.subscription, "user_pause")
    assert alarms(plane) == []


def test_a_license_that_ends_until_it_has_a_successor(plane: Plane, on_time: Callable[[], None]) -> None:
    ending = plane.license(plane.account(), "publish", life=timedelta(days=8))
    assert alarms(plane) == []
    plane.tick(days=2)
    on_time()
    found = alarm(plane)
    assert (found["alarm"], found["subject"], found["since"]) == (
        "LICENSE_ENDS",
        f"license {ending.license_id}",
        START + timedelta(days=1),
    )
    plane.operator.execute("select access.rotate_license(%s)", [ending.license_id])
    assert alarms(plane) == []


def test_a_license_that_has_ended_for_a_month(plane: Plane, on_time: Callable[[], None]) -> None:
    plane.license(plane.account(), "publish", life=timedelta(days=5))
    plane.tick(days=35)
    on_time()
    assert [found for found, _ in alarms(plane)] == ["LICENSE_ENDS"]
    plane.tick(seconds=1)
    on_time()
    assert alarms(plane) == []


def test_a_chain_that_is_not_sealed_for_a_minute(plane: Plane, master: Master, on_time: Callable[[], None]) -> None:
    plane.seal()
    plane.tick(hours=1)
    on_time()
    assert alarms(plane) == [], "there is nothing to seal"
    master.does("OPEN")
    plane.tick(seconds=61)
    plane.admin.execute(ALL_RAN)
    found = alarm(plane)
    assert (found["alarm"], found["subject"], found["since"], found["runbook"]) == (
        "NOT_SEALED",
        "the audit chain",
        START + timedelta(hours=1),
        "seal",
    )
    plane.seal()
    assert alarms(plane) == []


def test_a_replication_slot_that_nobody_reads(plane: Plane) -> None:
    plane.admin.execute("select pg_create_physical_replication_slot('left_behind', true)")
    try:
        found = plane.operator.execute("select alarm, runbook from ops.alarms where subject = 'left_behind'").fetchall()
    finally:
        plane.admin.execute("select pg_drop_replication_slot('left_behind')")
    assert found == [("REPLICATION_SLOT", "slots")]


def test_operators_and_auditors_read_it_and_nobody_else(plane: Plane) -> None:
    for role in ("ecp_operator", "ecp_auditor"):
        with plane.connect(role) as connection:
            connection.execute("select from ops.alarms")
    for role in ("ecp_gateway", "ecp_api", "ecp_analyst"):
        with plane.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select from ops.alarms")
