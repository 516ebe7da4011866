"""Native partitions, made ahead of time; or late, without losing a row."""

from datetime import timedelta

import pytest

from tests.db.plane import START, Plane

pytestmark = pytest.mark.core

WEEK = timedelta(days=7)


@pytest.fixture
def series(own_plane: Plane) -> Plane:
    if own_plane.value("select exists (select from pg_extension where extname = 'timescaledb')"):
        pytest.skip("TimescaleDB makes its chunks itself")
    own_plane.admin.execute("create schema lab; create table lab.readings (at timestamptz not null, value integer)")
    own_plane.value("select core.make_time_series('lab.readings', 'at', %s)", WEEK)
    return own_plane


def extend(plane: Plane, ahead: int = 8) -> int:
    return int(plane.value("select core.extend_time_series('lab.readings', %s, %s)", WEEK, ahead))


def test_this_week_and_eight_more_are_there_from_the_beginning(series: Plane) -> None:
    assert extend(series) == 0
    for week in range(9):
        series.admin.execute("insert into lab.readings values (%s, 1)", [START + week * WEEK])
    names = series.rows("select distinct tableoid::regclass::text from lab.readings")
    assert len(names) == 9
    assert "lab.readings_default" not in names


def test_as_time_goes_by_partitions_are_added(series: Plane) -> None:
    series.tick(days=14)
    assert extend(series) == 2
    assert extend(series) == 0


def test_late_maintenance_moves_what_came_meanwhile_into_its_partition(series: Plane) -> None:
    later = START + 20 * WEEK
    for minutes in range(3):
        series.admin.execute("insert into lab.readings values (%s, %s)", [later + timedelta(minutes=minutes), minutes])
    series.admin.execute("insert into lab.readings values (%s, 9)", [later + 100 * WEEK])
    assert series.rows("select distinct tableoid::regclass::text from lab.readings") == ["lab.readings_default"]
    series.set_clock(later)
    assert extend(series) == 9
    assert series.rows("select value from lab.readings order by at") == [0, 1, 2, 9]
    assert series.rows("select value from only lab.readings_default") == [9]


def test_the_deploy_asks_again_long_after(own_plane: Plane) -> None:
    """Protection events of a time that nobody prepared for must not make the next deploy fail."""
    own_plane.tick(days=365)
    own_plane.master().does("OPEN", volume=0)
    own_plane.value("select core.make_time_series('signals.protection_events', 'occurred_at', %s)", WEEK)
    assert own_plane.events() == ["TRS12"]
