"""Routes: which streams a lane of subscribers follows, and how far they were dispatched to it."""

import pytest

from tests.db.plane import Plane, Position

pytestmark = pytest.mark.core


def test_a_route_begins_with_the_first_subscription_where_the_stream_stands(plane: Plane) -> None:
    master = plane.master(lane=1)
    master.does("OPEN")
    assert plane.routes(4) == []
    plane.copier(master, lane=4)
    assert plane.routes(4) == [Position(1, master.stream, 1, 1)]
    assert plane.routes(5) == []


def test_a_second_subscription_does_not_move_what_the_first_is_still_owed(plane: Plane) -> None:
    master = plane.master(lane=1)
    plane.copier(master, lane=4)
    master.does("OPEN")
    plane.copier(master, lane=4)
    assert plane.routes(4) == [Position(1, master.stream, 1, 0)]
    plane.pump(4)
    assert plane.routes(4) == [Position(1, master.stream, 1, 1)]


def test_each_lane_has_its_own_cursor(plane: Plane) -> None:
    master = plane.master(lane=1)
    for lane in (4, 5):
        plane.copier(master, lane=lane)
    master.does("OPEN")
    plane.pump(5)
    assert [plane.routes(lane)[0].seq for lane in (4, 5)] == [0, 1]
    assert set(plane.verify()) == {"dispatch_has_caught_up"}
