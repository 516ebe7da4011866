"""Escalation: what manages or cuts exposure and is not answered gets louder, until it is."""

import json
from typing import Any

import pytest

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


@pytest.fixture
def closing(master: Master, copier: Copier) -> Copier:
    """A copier that holds position 1 and was told to close it, as delivery 2."""
    master.does("OPEN", 1)
    copier.receives()
    copier.reports(1)
    master.does("CLOSE", 1)
    copier.receives()
    return copier


def levels(plane: Plane) -> list[tuple[int, int]]:
    return plane.rows("select delivery_seq, level from signals.escalations order by 1")


def test_it_gets_louder_after_ten_seconds_a_minute_ten_minutes_and_an_hour(plane: Plane, closing: Copier) -> None:
    seen = []
    for seconds, expected in (
        (10, []),
        (0.000001, [(2, 1)]),
        (50, [(2, 2)]),
        (540, [(2, 3)]),
        (3000, [(2, 4)]),
        (86400, [(2, 4)]),
    ):
        plane.tick(seconds=seconds)
        seen.append(plane.escalate())
        assert levels(plane) == expected
    assert seen == [None, *["1 deliveries escalated"] * 4, None]
    assert plane.events() == ["TRS30"] * 4
    details = plane.rows("select detail from signals.protection_events order by occurred_at")
    assert [(each["action"], each["level"]) for each in details] == [("CLOSE", level) for level in (1, 2, 3, 4)]
    assert closing.newest == 2


def test_it_is_safe_to_run_twice(plane: Plane, closing: Copier) -> None:
    assert closing.newest == 2
    plane.tick(seconds=11)
    assert [plane.escalate(), plane.escalate()] == ["1 deliveries escalated", None]
    assert plane.events() == ["TRS30"]


def test_after_a_silence_it_is_as_loud_as_it_should_be_at_once(plane: Plane, closing: Copier) -> None:
    assert closing.newest == 2
    plane.tick(hours=2)
    plane.escalate()
    assert levels(plane) == [(2, 4)]
    assert plane.events() == ["TRS30"]


@pytest.mark.parametrize(("status", "code"), [("EXECUTED", ""), ("REJECTED", "TRG03")])
def test_the_answer_ends_it(plane: Plane, closing: Copier, status: str, code: str) -> None:
    plane.tick(seconds=11)
    plane.escalate()
    closing.reports(2, status, code=code)
    plane.tick(seconds=60)
    assert plane.escalate() is None
    assert levels(plane) == []
    assert plane.overdue() == []


def test_unknown_is_no_answer(plane: Plane, closing: Copier) -> None:
    closing.doubts(2)
    plane.tick(seconds=11)
    plane.escalate()
    assert levels(plane) == [(2, 1)]


def test_the_alert_says_where_and_how_many(plane: Plane, closing: Copier) -> None:
    plane.tick(seconds=11)
    with plane.connect("ecp_gateway") as listener:
        listener.execute("listen ecp_alerts")
        plane.escalate()
        (note,) = listener.notifies(timeout=5, stop_after=1)
    assert json.loads(note.payload) == {"code": "TRS30", "lane": closing.lane, "deliveries": 1}


@pytest.mark.parametrize("action", ["MODIFY", "AMEND", "PARTIAL_CLOSE", "CANCEL"])
def test_everything_that_manages_or_cuts_is_escalated(
    plane: Plane, master: Master, copier: Copier, action: str
) -> None:
    master.does("OPEN", 1)
    master.does(action, 1, volume="0.05")
    copier.receives()
    plane.tick(seconds=11)
    plane.escalate()
    assert levels(plane) == [(2, 1)]


def test_openings_are_not(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1)
    copier.receives()
    plane.tick(hours=1)
    assert plane.escalate() is None


def test_what_was_answered_is_not_looked_at_again_and_what_was_not_still_is(
    plane: Plane, master: Master, copier: Copier
) -> None:
    """The mark moves over what has its final report, never over what has none."""
    for position in (1, 2, 3):
        master.does("OPEN", position)
        master.does("CLOSE", position)
    copier.receives()

    def settled() -> Any:
        plane.escalate()
        found = plane.rows("select settled_seq from signals.settlements")
        return found[0] if found else 0

    assert settled() == 0
    copier.reports(1, ticket=1)
    copier.reports(4)
    assert settled() == 1
    copier.reports(2)
    copier.doubts(3)
    assert settled() == 2
    plane.tick(seconds=11)
    plane.escalate()
    assert [seq for seq, *_ in plane.overdue()] == [6]
    copier.reports(3, ticket=3)
    assert settled() == 4
    copier.reports(5, ticket=5)
    copier.reports(6)
    assert settled() == 6
    assert plane.overdue() == []


def test_lanes_and_subscriptions_are_escalated_each_for_itself(plane: Plane, master: Master) -> None:
    copiers = [plane.copier(master, lane=lane) for lane in (2, 2, 3)]
    master.does("OPEN", 1)
    master.does("CLOSE", 1)
    for lane in (2, 3):
        plane.pump(lane)
    copiers[0].reports(2)
    plane.tick(seconds=11)
    assert plane.escalate() == "2 deliveries escalated"
    found = plane.rows("select lane, subscription_id from signals.escalations order by 1, 2")
    assert found == [(2, copiers[1].subscription), (3, copiers[2].subscription)]


def test_a_close_that_keeps_failing_gets_louder_all_the_same(plane: Plane, closing: Copier) -> None:
    """Each telling is answered at once, and none is done: what counts is how long ago it was told first."""
    for delivery, (seconds, level) in enumerate(((11, 1), (50, 2), (540, 3), (3000, 4), (86400, 4)), start=2):
        closing.reports(delivery, "FAILED", code="10018")
        plane.tick(seconds=seconds)
        plane.escalate()
        assert levels(plane) == [(2, level)]
        assert [each.action for each in closing.catches_up()] == ["CLOSE"]
    closing.reports(7)
    plane.escalate()
    assert levels(plane) == []
    assert plane.overdue() == []
    assert plane.events(code="TRS30") == ["TRS30"] * 4
