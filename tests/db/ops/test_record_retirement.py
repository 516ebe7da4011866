"""What retention took, a row for each table and day."""

from datetime import timedelta

import pytest

from tests.db.plane import START, Plane

pytestmark = pytest.mark.core


def test_a_day_adds_up_and_nothing_is_no_row(own_plane: Plane) -> None:
    for before, rows in [(START, 3), (START - timedelta(days=1), 4), (START, 0)]:
        own_plane.value("select ops.record_retirement('signals.signals', %s, %s)", before, rows)
    own_plane.value("select ops.record_retirement('signals.reports', %s, 0)", START)
    own_plane.tick(days=1)
    own_plane.value("select ops.record_retirement('signals.signals', %s, 5)", START)
    assert own_plane.rows("select what, day, before, rows from ops.retirements order by day") == [
        ("signals.signals", START.date(), START, 7),
        ("signals.signals", START.date() + timedelta(days=1), START, 5),
    ]
