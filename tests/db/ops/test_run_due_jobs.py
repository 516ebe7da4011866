"""The schedule: what is due runs once, on its slot, and no job can harm another."""

from datetime import timedelta
from typing import Any, LiteralString

import psycopg
import pytest

from ops.paths import DB
from tests.db.plane import START, Plane, run_together

pytestmark = pytest.mark.core

RUN = "select ops.run_due_jobs()"


class Schedule:
    """A schedule of a test's own: nothing is declared but what it adds."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        plane.admin.execute("delete from ops.jobs")

    def job(self, name: str, body: str, *, every: str = "5 seconds") -> None:
        """A function `signals.<name>` of this body, due now."""
        self.plane.admin.execute(
            f"create function signals.{name}() returns text language plpgsql as $f$ begin {body}; end $f$".encode()
        )
        self.add(name, every=every)

    def add(self, name: str, *, every: str = "5 seconds") -> None:
        self.plane.admin.execute(
            "insert into ops.jobs (name, call, every, due_at) values (%s, %s, %s, core.now())",
            [name, f"signals.{name}", every],
        )

    def run(self, limit: int | None = None) -> int:
        row = self.plane.gateway.execute("select ops.run_due_jobs(%s)", [limit]).fetchone()
        assert row
        return int(row[0])

    def due_in(self, name: str) -> float:
        """Seconds from now to its next slot."""
        due_at = self.plane.value("select due_at from ops.jobs where name = %s", name)
        return float((due_at - self.plane.now).total_seconds())

    def runs(self) -> list[tuple[Any, ...]]:
        return self.plane.rows("select name, result, sqlstate, error from ops.job_runs order by run_id")


@pytest.fixture
def schedule(own_plane: Plane) -> Schedule:
    own_plane.admin.execute("create table public.calls (name text not null, at timestamptz not null)")
    own_plane.admin.execute("grant insert on public.calls to ecp_owner")
    return Schedule(own_plane)


def counted(name: str) -> str:
    return f"insert into public.calls values ('{name}', core.now()); return 'did it'"


def test_what_is_due_runs_and_is_recorded(schedule: Schedule) -> None:
    schedule.job("early", counted("early"))
    schedule.job("late", counted("late"), every="1 minute")
    assert schedule.run() == 2
    assert schedule.runs() == [("early", "did it", None, None), ("late", "did it", None, None)]
    assert schedule.plane.record("select started_at, finished_at from ops.job_runs where name = 'late'") == {
        "started_at": START,
        "finished_at": START,
    }
    assert schedule.run() == 0
    schedule.plane.tick(seconds=5)
    assert schedule.run() == 1
    assert schedule.plane.rows("select name from public.calls order by at, name") == ["early", "late", "early"]


@pytest.mark.parametrize(("late", "next_slot"), [(0, 5), (4.999, 0.001), (5, 5), (7, 3), (3600, 5), (3601, 4)])
def test_missed_slots_are_not_caught_up_and_the_rhythm_is_kept(
    schedule: Schedule, late: float, next_slot: float
) -> None:
    schedule.job("rhythm", counted("rhythm"))
    schedule.plane.tick(seconds=late)
    assert schedule.run() == 1
    assert schedule.run() == 0
    assert schedule.due_in("rhythm") == next_slot


def test_a_clock_that_is_set_back_does_not_stop_the_schedule(schedule: Schedule) -> None:
    schedule.job("rhythm", counted("rhythm"))
    schedule.run()
    schedule.plane.tick(hours=-1)
    assert schedule.run() == 1
    assert schedule.due_in("rhythm") == 5
    assert schedule.run() == 0


def test_a_run_that_did_nothing_leaves_no_row(schedule: Schedule) -> None:
    schedule.job("idle", "return null")
    assert schedule.run() == 1
    assert schedule.runs() == []
    assert schedule.due_in("idle") == 5


def test_a_failing_job_is_recorded_and_harms_no_other(schedule: Schedule) -> None:
    schedule.job("a_before", counted("a_before"))
    schedule.job(
        "b_broken", "insert into public.calls values ('b_broken', core.now()); perform core.fail('TRS10', '{}')"
    )
    schedule.job("c_after", counted("c_after"))
    assert schedule.run() == 3
    before, broken, after = schedule.runs()
    assert (before[0], after[0]) == ("a_before", "c_after")
    assert broken[:3] == ("b_broken", None, "TRS10")
    assert "no such stream" in broken[3]
    assert schedule.plane.rows("select name from public.calls order by name") == ["a_before", "c_after"]
    assert schedule.run() == 0
    assert schedule.due_in("b_broken") == 5


def test_an_error_does_not_stick_to_the_run_after_it(schedule: Schedule) -> None:
    schedule.job("a_broken", "return 1 / 0")
    schedule.job("b_idle", "return null")
    assert schedule.run() == 2
    assert [run[:3] for run in schedule.runs()] == [("a_broken", None, "22012")]


def test_a_function_that_is_missing_is_a_failure_of_its_job(schedule: Schedule) -> None:
    schedule.add("a_missing")
    schedule.job("b_there", counted("b_there"))
    assert schedule.run() == 2
    missing, there = schedule.runs()
    assert missing[:3] == ("a_missing", None, "42883")
    assert "signals.a_missing() does not exist" in missing[3]
    assert there[0] == "b_there"


def test_a_job_that_is_cut_off_is_not_due_again_at_once(schedule: Schedule) -> None:
    schedule.job("endless", "perform pg_sleep(60)")
    with schedule.plane.connect("ecp_gateway") as gateway:
        gateway.execute("set statement_timeout = '50ms'")
        assert gateway.execute(RUN).fetchone() == (1,)
    assert [run[:3] for run in schedule.runs()] == [("endless", None, "57014")]
    assert schedule.due_in("endless") == 5


def test_the_longest_due_goes_first_and_no_more_than_asked(schedule: Schedule) -> None:
    schedule.job("second", counted("second"))
    schedule.job("third", counted("third"))
    schedule.job("first", counted("first"))
    schedule.plane.admin.execute("update ops.jobs set due_at = due_at - interval '1 s' where name = 'first'")
    assert [schedule.run(1) for _ in range(4)] == [1, 1, 1, 0]
    assert [run[0] for run in schedule.runs()] == ["first", "second", "third"]


def test_what_one_gateway_runs_another_passes_over(schedule: Schedule) -> None:
    schedule.job("a_held", counted("a_held"))
    with schedule.plane.connect("ecp_gateway") as one, schedule.plane.connect("ecp_gateway") as other:
        other.execute("set lock_timeout = '5s'")
        with one.transaction():
            assert one.execute(RUN).fetchone() == (1,)
            schedule.job("b_new", counted("b_new"))
            assert other.execute(RUN).fetchone() == (1,)
        assert other.execute(RUN).fetchone() == (0,)
    assert sorted(schedule.plane.rows("select name from public.calls")) == ["a_held", "b_new"]


def test_many_gateways_at_once_run_each_slot_once(schedule: Schedule) -> None:
    jobs = ["one", "two", "three"]
    for name in jobs:
        schedule.job(name, counted(name))

    def ask() -> None:
        with schedule.plane.connect("ecp_gateway") as gateway:
            for _ in range(20):
                gateway.execute(RUN)

    for _ in range(5):
        run_together(ask, ask, ask, ask)
        schedule.plane.tick(seconds=5)
    slots = schedule.plane.rows("select name, count(*), count(distinct at) from public.calls group by name")
    assert sorted(slots) == sorted((name, 5, 5) for name in jobs)


def test_jobs_run_with_the_rights_of_the_owner_and_operators_may_run_them(schedule: Schedule) -> None:
    schedule.job("whoami", "return current_user")
    assert schedule.plane.operator.execute(RUN).fetchone() == (1,)
    assert schedule.runs() == [("whoami", "ecp_owner", None, None)]
    for role in ("ecp_gateway", "ecp_operator"):
        with schedule.plane.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select from ops.jobs")
    for role in ("ecp_api", "ecp_analyst", "ecp_auditor"):
        with schedule.plane.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(RUN)


# What the files declare

DECLARED = [
    "announce_expiry", "escalate", "expire_holds", "find_drift", "retire_events", "retire_records", "retire_signals",
    "seal", "settle", "sweep", "tally", "trust_scan",
]  # fmt: skip
JOBS: LiteralString = "select name, call, every from ops.jobs order by name"


def test_the_declared_jobs_exist_and_run(own_plane: Plane) -> None:
    assert [name for name, _, _ in own_plane.rows(JOBS)] == DECLARED
    assert own_plane.gateway.execute(RUN).fetchone() == (len(DECLARED),)
    assert own_plane.rows("select name, error from ops.job_runs where sqlstate is not null") == []


def test_declaring_again_keeps_slots_and_takes_away_what_is_not_declared(own_plane: Plane) -> None:
    declared = own_plane.rows(JOBS)
    own_plane.admin.execute(
        "insert into ops.jobs (name, call, every, due_at) values ('gone', 'signals.gone', '1 hour', core.now())"
    )
    own_plane.admin.execute("update ops.jobs set every = '1 hour' where name = 'find_drift'")
    slot = START + timedelta(days=1)
    own_plane.admin.execute("update ops.jobs set due_at = %s where name = 'escalate'", [slot])
    own_plane.admin.execute((DB / "policies/schedule/jobs.sql").read_bytes())
    assert own_plane.rows(JOBS) == declared
    slots = dict(own_plane.rows("select name, due_at from ops.jobs"))
    assert (slots["escalate"], slots["find_drift"]) == (slot, START)
