"""Protection events go by the week, 90 days after the week is over, on either backend."""

import pytest

from tests.db.plane import Plane

pytestmark = pytest.mark.core


def retire(plane: Plane) -> str | None:
    said: str | None = plane.value("select signals.retire_events()")
    return said


def test_a_week_goes_when_all_of_it_is_old_enough(own_plane: Plane) -> None:
    retire(own_plane)
    master = own_plane.master()
    master.does("OPEN", volume=0)
    own_plane.tick(days=90)
    assert retire(own_plane) is None
    assert own_plane.events() == ["TRS12"]
    assert own_plane.verify() == {}
    own_plane.tick(days=7)
    master.does("OPEN", volume=0)
    said = retire(own_plane)
    assert said is not None
    assert said.endswith("weeks of protection events dropped")
    assert len(own_plane.events()) == 1
    assert own_plane.verify() == {}, "the first refusal's event is gone, as it should be"
    assert retire(own_plane) is None
    assert own_plane.rows("select what from ops.retirements") == ["signals.protection_events"]


def test_an_event_that_is_missing_and_was_not_retired_is_still_found(own_plane: Plane) -> None:
    master = own_plane.master()
    master.does("OPEN", volume=0)
    own_plane.tick(days=97)
    retire(own_plane)
    master.does("OPEN", volume=0)
    own_plane.admin.execute("delete from signals.protection_events")
    assert own_plane.verify().keys() == {"refusals_are_recorded"}


def test_the_weeks_to_come_have_partitions_however_long_nobody_deploys(own_plane: Plane) -> None:
    """Of native partitions; TimescaleDB makes its chunks itself."""
    master = own_plane.master()
    for _ in range(12):
        own_plane.tick(days=30)
        retire(own_plane)
        master.does("OPEN", volume=0)
    if own_plane.value("select to_regclass('signals.protection_events_default') is not null"):
        assert own_plane.value("select count(*) from signals.protection_events_default") == 0
    assert len(own_plane.events()) == 4


def test_what_came_when_its_week_had_no_partition_goes_too(own_plane: Plane) -> None:
    master = own_plane.master()
    master.does("OPEN", volume=0)
    own_plane.tick(days=97)
    retire(own_plane)
    assert own_plane.events() == []
    assert own_plane.verify() == {}


def test_it_gives_way_to_whoever_reads(own_plane: Plane) -> None:
    """A reader keeps the table; nobody must queue behind the job that waits for him."""
    retire(own_plane)
    own_plane.master().does("OPEN", volume=0)
    own_plane.tick(days=97)
    with own_plane.connect("ecp_owner") as analyst, analyst.transaction():
        analyst.execute("select from signals.protection_events")
        assert own_plane.gateway.execute("select ops.run_due_jobs()").fetchone() != (0,)
    assert own_plane.rows("select sqlstate from ops.job_runs where name = 'retire_events'") == ["55P03"]
    assert retire(own_plane) is not None
