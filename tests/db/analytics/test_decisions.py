"""A decision and what became of it, in one row."""

from decimal import Decimal

import pytest

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


def test_a_delivery_with_its_report_and_a_skip_with_its_reason(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1)
    plane.tick(milliseconds=20)
    (delivery,) = copier.receives()
    plane.tick(milliseconds=30)
    copier.reports(delivery.delivery_seq, price="1.10030", ticket=7001)
    plane.transition(copier.subscription, "user_pause")
    master.does("OPEN", 2)
    assert copier.receives() == []
    copied = plane.record("select * from analytics.decisions where delivery_seq = 1")
    assert (copied["reason"], copied["report"], copied["ticket"]) == ("COPIED", "EXECUTED", 7001)
    assert (copied["slippage"], copied["answer_ms"]) == (Decimal("0.0003"), 30)
    assert copied["stream"] == master.name
    skipped = plane.record("select * from analytics.decisions where delivery_seq is null")
    assert (skipped["reason"], skipped["volume"], skipped["report"]) == ("PAUSED_BY_USER", None, None)
