"""Drift: what differs while nobody asks is found by the clock, and a cut that failed first of all."""

from decimal import Decimal

import pytest

from tests.db.plane import Copier, Holding, Master, Plane

pytestmark = pytest.mark.core


@pytest.fixture
def opened(plane: Plane, master: Master, copier: Copier) -> Copier:
    """A copier that holds position 1, and whose books were just compared."""
    master.does("OPEN", 1)
    copier.receives()
    copier.reports(1)
    plane.find_drift()
    return copier


def drift(plane: Plane) -> None:
    """The lane's copy of the master's book no longer has what the follower holds."""
    plane.admin.execute("delete from signals.positions")


def test_what_differs_is_found_within_a_minute(plane: Plane, opened: Copier) -> None:
    drift(plane)
    plane.tick(minutes=1)
    assert plane.find_drift() is None
    plane.tick(microseconds=1)
    assert plane.find_drift() == "1 deliveries"
    assert [each.action for each in plane.deliveries([opened], 1)] == ["CLOSE"]
    assert plane.value("select inputs ->> 'cause' from signals.decisions where part > 0") == "schedule"


def test_once(plane: Plane, opened: Copier) -> None:
    drift(plane)
    for _ in range(3):
        plane.tick(minutes=2)
        plane.find_drift()
    assert opened.newest == 2


@pytest.mark.parametrize(
    ("action", "status", "volume"),
    [("CLOSE", "FAILED", 0), ("CLOSE", "EXECUTED", "0.04"), ("PARTIAL_CLOSE", "FAILED", 0)],
)
def test_a_cut_that_failed_does_not_wait_for_its_turn(
    plane: Plane, master: Master, opened: Copier, action: str, status: str, volume: str | int
) -> None:
    master.does(action, 1, volume="0.05")
    opened.receives()
    opened.reports(2, status, volume=volume)
    assert plane.find_drift() == "1 deliveries"
    assert [each.action for each in plane.deliveries([opened], 2)] == [action]


def test_nor_does_what_was_filled_beyond_what_was_decided(plane: Plane, master: Master, opened: Copier) -> None:
    master.does("OPEN", 2)
    opened.receives()
    opened.reports(2, volume="0.20", ticket=2)
    assert plane.find_drift() == "1 deliveries"


def test_nor_a_fill_that_shows_up_after_its_close(plane: Plane, master: Master, opened: Copier) -> None:
    master.does("OPEN", 2)
    opened.receives()
    opened.reports(2, "UNKNOWN", code="TRG06")
    master.does("CLOSE", 2)
    opened.receives()
    opened.reports(3, "REJECTED", code="TRG03")
    assert plane.find_drift() is None
    opened.reports(2, ticket=2)
    assert plane.find_drift() == "1 deliveries"


def test_who_has_ended_is_looked_at_as_long_as_it_holds_anything(plane: Plane, opened: Copier) -> None:
    plane.transition(opened.subscription, "end")
    drift(plane)
    plane.tick(minutes=2)
    assert plane.find_drift() == "1 deliveries"
    opened.reports(2)
    compared = plane.value("select checked_at from signals.subscription_heads")
    plane.tick(minutes=2)
    plane.find_drift()
    assert plane.value("select checked_at from signals.subscription_heads") == compared


def test_every_lane_is_looked_at(plane: Plane, master: Master) -> None:
    copiers = [plane.copier(master, lane=lane) for lane in range(8)]
    master.does("OPEN", 1)
    for copier in copiers:
        copier.receives()
        copier.reports(1)
    drift(plane)
    plane.tick(minutes=2)
    assert plane.find_drift() == "8 deliveries"
    assert [copier.status() for copier in copiers] == ["CLOSING"] * 8
    assert plane.verify() == {}


def test_what_the_follower_holds_by_its_own_book_is_the_measure(plane: Plane, opened: Copier) -> None:
    opened.books(Holding(position=1, volume="0.07"))
    plane.tick(minutes=2)
    assert plane.find_drift() is None
    assert opened.holds() == {1: Decimal("0.07")}


def test_what_fails_for_days_is_tried_less_and_less_often(plane: Plane, master: Master, opened: Copier) -> None:
    """A market that is closed over the weekend: at once again, and then every quarter of an hour."""
    master.does("CLOSE", 1)
    opened.receives()
    told = []
    for _ in range(2 * 24 * 60):
        newest = opened.newest
        if newest > len(told) + 1:
            told.append(plane.now)
        opened.reports(newest, "FAILED", code="10018")
        plane.tick(minutes=1)
        plane.find_drift()
    assert (told[1] - told[0]).total_seconds() <= 120
    assert 180 < len(told) < 210
