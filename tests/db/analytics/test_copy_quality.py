"""How well a subscription copies, by day and symbol."""

from decimal import Decimal

import pytest

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


def test_what_was_decided_is_counted_once_and_slippage_is_of_what_was_filled(
    plane: Plane, master: Master, copier: Copier
) -> None:
    for position in range(1, 6):
        master.does("OPEN", position)
    for delivery, price in zip(copier.receives()[:2], ("1.10010", "1.10030"), strict=True):
        plane.tick(milliseconds=10)
        copier.reports(delivery.delivery_seq, price=price, ticket=7000 + delivery.delivery_seq)
    copier.reports(3, "REJECTED", code="TRG02")
    copier.doubts(4)
    plane.transition(copier.subscription, "user_pause")
    master.does("OPEN", 9)
    copier.receives()
    row = plane.record("select * from analytics.copy_quality")
    assert (row["decisions"], row["deliveries"]) == (6, 5)
    assert [row[name] for name in ("executed", "rejected", "failed", "unanswered")] == [2, 1, 0, 2]
    assert row["executed_share"] == Decimal("0.4")
    assert (row["mean_slippage"], row["worst_slippage"]) == (Decimal("0.0002"), Decimal("0.0003"))
    assert row["p50_answer_ms"] == 20
    assert row["symbol"] == "EURUSD"


def test_days_are_of_utc_and_do_not_mix(plane: Plane, master: Master, copier: Copier) -> None:
    plane.admin.execute("set timezone = 'Asia/Tokyo'")
    master.does("OPEN", 1)
    copier.receives()
    plane.tick(hours=13)
    master.does("OPEN", 2)
    copier.receives()
    days = plane.rows("select day at time zone 'UTC' from analytics.copy_quality order by day")
    plane.admin.execute("reset timezone")
    assert [(day.day, day.hour) for day in days] == [(5, 0), (6, 0)]
