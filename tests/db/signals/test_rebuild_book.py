"""Rebuilding the book from the log gives what dispatch has made of it."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.db.plane import Copier, Master, Plane, held, microseconds

pytestmark = pytest.mark.core

# Told by every snapshot. How much was once opened, when, and what the account was worth is only in the log before it.
TOLD = ("symbol", "side", "order_type", "volume", "price", "stop_loss", "take_profit", "magic", "digits")


def rebuild(plane: Plane, lane: int, stream: int) -> int:
    count: int = plane.value("select signals.rebuild_book(%s::smallint, %s)", lane, stream)
    return count


def told(plane: Plane, lane: int, stream: int) -> dict[int, tuple[Any, ...]]:
    return {position: tuple(row[name] for name in TOLD) for position, row in plane.book(lane, stream).items()}


def test_from_the_beginning_it_is_the_same_to_the_last_column(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1, balance="5000", equity="4900", magic=3)
    plane.tick(seconds=5)
    master.does("OPEN", 2)
    master.does("PARTIAL_CLOSE", 1, volume="0.05")
    master.does("OPEN", 3)
    master.does("CLOSE", 3)
    plane.pump(copier.lane)
    before = plane.book(copier.lane, master.stream)
    plane.admin.execute("delete from signals.positions")
    assert rebuild(plane, copier.lane, master.stream) == 2
    assert plane.book(copier.lane, master.stream) == before


def test_up_to_where_dispatch_has_come(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1)
    plane.pump(copier.lane)
    master.does("OPEN", 2)
    assert rebuild(plane, copier.lane, master.stream) == 1


def test_of_another_lane_and_stream_nothing_is_touched(plane: Plane, master: Master, copier: Copier) -> None:
    other = plane.master()
    second = plane.copier(other, lane=copier.lane)
    for each in (master, other):
        each.does("OPEN", 1)
    plane.pump(copier.lane)
    before = plane.book(second.lane, other.stream)
    rebuild(plane, copier.lane, master.stream)
    assert plane.book(second.lane, other.stream) == before


def test_no_difference_is_recorded_a_second_time(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1)
    master.snapshot(held(2))
    plane.pump(copier.lane)
    before = plane.differences()
    assert len(before) == 2
    rebuild(plane, copier.lane, master.stream)
    assert plane.differences() == before


def test_who_is_first_to_follow_in_its_lane_finds_the_book(plane: Plane, master: Master) -> None:
    master.does("OPEN", 1)
    master.does("OPEN", 2)
    master.does("CLOSE", 1)
    copier = plane.copier(master)
    assert plane.book(copier.lane, master.stream).keys() == {2}


def test_more_than_a_page_of_the_log(plane: Plane) -> None:
    master = plane.master(rate=10_000, burst=10_000)
    copier = plane.copier(master)
    for start in range(1, 1201, 400):
        master.send(*[master.signal("OPEN", position) for position in range(start, start + 400)])
    master.send(*[master.signal("CLOSE", position) for position in range(1, 1200)])
    plane.pump(copier.lane)
    assert plane.book(copier.lane, master.stream).keys() == {1200}
    assert rebuild(plane, copier.lane, master.stream) == 1


STEPS = st.lists(
    st.fixed_dictionaries(
        {
            "action": st.sampled_from(
                ["OPEN", "OPEN", "PLACE", "MODIFY", "AMEND", "PARTIAL_CLOSE", "CLOSE", "CANCEL", "SNAPSHOT", "RESYNC"]
            ),
            "position": st.integers(1, 3),
            "volume": st.sampled_from(["0.30", "0.20", "0.10"]),
            "stop": st.sampled_from([0, "1.05", "1.06"]),
            "shown": st.sets(st.integers(1, 4)),
            "pump": st.booleans(),
        }
    ),
    max_size=14,
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_has_happened_it_is_what_dispatch_made_of_it(plane: Plane, steps: list[dict[str, Any]]) -> None:
    master = plane.master(rate=1000, burst=1000)
    copier = plane.copier(master)
    for step in steps:
        if step["action"] == "RESYNC":
            master.resync(master.epoch + 1)
        elif step["action"] == "SNAPSHOT":
            opened_at_us = microseconds(plane.now)
            shown = [held(position, step["volume"], opened_at_us=opened_at_us) for position in sorted(step["shown"])]
            master.snapshot(*shown)
        else:
            master.does(step["action"], step["position"], volume=step["volume"], stop_loss=step["stop"])
        if step["pump"]:
            plane.pump(copier.lane)
    plane.pump(copier.lane)
    before = told(plane, copier.lane, master.stream)
    rebuild(plane, copier.lane, master.stream)
    assert told(plane, copier.lane, master.stream) == before
    assert plane.verify() == {}
