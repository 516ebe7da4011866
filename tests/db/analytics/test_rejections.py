"""Refusals of the plane and of the guards, counted by hour and code."""

import pytest

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


def test_refusals_are_counted_by_code_with_its_name(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1, volume=0)
    master.does("OPEN", 2, volume=0)
    master.does("OPEN", 3)
    (delivery,) = copier.receives()
    copier.reports(delivery.delivery_seq, "REJECTED", code="its own")
    rows = plane.rows(
        "select origin, code, name, stream_id, subscription_id, events from analytics.rejections order by origin desc"
    )
    assert rows == [
        ("PLANE", "TRS12", "VOLUME_INVALID", master.stream, None, 2),
        ("GUARD", "its own", None, master.stream, copier.subscription, 1),
    ]
