"""Time series: a table by time, in chunks that can be dropped whole. Two backends behind one call."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.db.plane import START, Plane

pytestmark = pytest.mark.core

WEEK = timedelta(days=7)


@pytest.fixture
def series(own_plane: Plane) -> Plane:
    """A plain table with a row of a year ago, and its name on the search path."""
    own_plane.admin.execute(
        """
        create schema lab;
        create table lab.readings (
            at timestamptz not null, value integer not null default 7,
            constraint readings_positive check (value > 0)
        );
        create index readings_value on lab.readings (value);
        comment on table lab.readings is 'What was read.';
        """
    )
    return own_plane


def make(plane: Plane, chunk: timedelta = WEEK) -> Any:
    return plane.value("select core.make_time_series('lab.readings', 'at', %s)", chunk)


def write(plane: Plane, *days: float) -> None:
    for day in days:
        plane.admin.execute("insert into lab.readings (at) values (%s)", [START + timedelta(days=day)])


def chunks(plane: Plane) -> list[str]:
    """Names of the parts that hold rows."""
    return plane.rows("select distinct tableoid::regclass::text from lab.readings order by 1")


def test_the_backend_is_the_one_that_the_server_has(series: Plane) -> None:
    has_timescaledb = series.value("select exists (select from pg_extension where extname = 'timescaledb')")
    assert make(series) == ("timescaledb" if has_timescaledb else "native")


def test_name_columns_defaults_rules_indexes_and_comment_stay(series: Plane) -> None:
    make(series)
    write(series, 0)
    assert series.value("select value from lab.readings") == 7
    with pytest.raises(psycopg.errors.CheckViolation) as refusal:
        series.admin.execute("insert into lab.readings values (%s, 0)", [START])
    assert refusal.value.diag.constraint_name == "readings_positive"
    assert series.value("select obj_description('lab.readings'::regclass)") == "What was read."
    assert series.value("select count(*) from pg_indexes where tablename = 'readings' and indexdef ~ 'value'") >= 1
    with pytest.raises(psycopg.errors.NotNullViolation):
        series.admin.execute("insert into lab.readings values (null, 1)")


def test_asking_again_changes_nothing(series: Plane) -> None:
    first = make(series)
    write(series, 0, 8)
    before = chunks(series)
    assert make(series) == first
    assert chunks(series) == before
    assert series.value("select count(*) from lab.readings") == 2


def test_rows_of_different_chunks_are_stored_apart_and_read_together(series: Plane) -> None:
    make(series)
    write(series, 0, 1, 8, 15)
    assert len(chunks(series)) in (3, 4)
    assert series.value("select count(*) from lab.readings") == 4


def test_rows_that_are_far_out_are_taken_all_the_same(series: Plane) -> None:
    make(series)
    write(series, -4000, 0, 4000)
    assert series.value("select count(*) from lab.readings") == 3


def test_whole_chunks_before_a_time_are_dropped_and_younger_rows_stay(series: Plane) -> None:
    make(series)
    write(series, 0, 8, 15, 22)
    dropped = series.value("select core.drop_time_series_before('lab.readings', %s)", START + timedelta(days=16))
    assert dropped >= 1
    left = series.rows("select at from lab.readings order by 1")
    assert {START + timedelta(days=15), START + timedelta(days=22)} <= set(left)
    assert START not in left


def test_a_chunk_that_holds_the_time_itself_is_kept(series: Plane) -> None:
    make(series)
    write(series, 0)
    series.value("select core.drop_time_series_before('lab.readings', %s)", START + timedelta(minutes=1))
    assert series.value("select count(*) from lab.readings") == 1


def test_dropping_twice_drops_nothing_more(series: Plane) -> None:
    make(series)
    write(series, 0, 30)
    query = "select core.drop_time_series_before('lab.readings', %s)"
    assert series.value(query, START + timedelta(days=20)) >= 1
    assert series.value(query, START + timedelta(days=20)) == 0


def test_protection_events_are_a_time_series(own_plane: Plane) -> None:
    own_plane.master().does("OPEN", volume=0)
    assert own_plane.rows("select tableoid::regclass::text from signals.protection_events") != [
        "signals.protection_events"
    ]
    own_plane.tick(days=30)
    own_plane.master().does("OPEN", volume=0)
    own_plane.value("select core.drop_time_series_before('signals.protection_events', %s)", own_plane.now)
