"""Lanes: fixed at install."""

import pytest

from tests.db.plane import Plane

pytestmark = pytest.mark.core


def test_there_are_eight_lanes_unless_told(plane: Plane) -> None:
    assert plane.gateway.execute("select * from core.lane_numbers()").fetchall() == [(lane,) for lane in range(8)]
