"""Settle: the word of an operator who asked the broker, where no book can tell."""

from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


def settle(
    plane: Plane,
    subscription: int,
    delivery: int,
    status: str | None = "EXECUTED",
    ticket: int | None = 555,
    volume: str | None = "0.10",
    actor: str | None = "olga",
    reason: str | None = "asked the broker",
) -> None:
    plane.operator.execute(
        "select signals.settle(%s, %s, %s, %s, %s, %s, %s)",
        [subscription, delivery, status, ticket, None if volume is None else Decimal(volume), actor, reason],
    )


@pytest.fixture
def doubtful(master: Master, copier: Copier) -> Copier:
    """A copier that sent an order for 0.10 lots of position 1 and had no answer."""
    master.does("OPEN", 1)
    copier.receives()
    copier.doubts(1)
    return copier


def test_an_opening_that_was_filled_is_open(plane: Plane, doubtful: Copier) -> None:
    settle(plane, doubtful.subscription, 1, volume="0.08")
    copy = doubtful.copy()
    assert (copy["status"], copy["held_volume"], copy["ticket"], copy["pending"]) == ("OPEN", Decimal("0.08"), 555, 0)
    report = plane.record("select * from signals.reports")
    assert (report["status"], report["settled_by"], report["volume"]) == ("EXECUTED", "OPERATOR", Decimal("0.08"))
    assert plane.verify() == {}


def test_an_opening_that_was_not_is_a_late_join(plane: Plane, master: Master) -> None:
    copier = plane.copier(master, late_join="ALL")
    master.does("OPEN", 1)
    copier.receives()
    settle(plane, copier.subscription, 1, "FAILED", None, None)
    assert copier.status() == "MISSED"
    assert [each.action for each in copier.catches_up()] == ["OPEN"]
    assert plane.verify() == {}


@pytest.mark.parametrize(
    ("status", "volume", "held", "expected"),
    [("EXECUTED", "0.10", 0, "CLOSED"), ("EXECUTED", "0.04", "0.06", "CLOSING"), ("FAILED", None, "0.10", "CLOSING")],
)
def test_a_close(
    plane: Plane, master: Master, copier: Copier, status: str, volume: str | None, held: str | int, expected: str
) -> None:
    master.does("OPEN", 1)
    master.does("CLOSE", 1)
    copier.receives()
    copier.reports(1)
    copier.doubts(2)
    assert copier.catches_up() == []
    settle(plane, copier.subscription, 2, status, None, volume)
    copy = copier.copy()
    assert (copy["status"], copy["held_volume"]) == (expected, Decimal(held))
    assert [each.action for each in copier.catches_up()] == ([] if expected == "CLOSED" else ["CLOSE"])
    assert plane.verify() == {}


def test_a_fill_of_what_was_closed_meanwhile_is_closed_again(plane: Plane, master: Master, doubtful: Copier) -> None:
    """The close found nothing, for the opening was still on its way."""
    master.does("CLOSE", 1)
    doubtful.receives()
    doubtful.reports(2, "REJECTED", code="TRG03")
    assert doubtful.status() == "CLOSED"
    settle(plane, doubtful.subscription, 1)
    assert (doubtful.status(), doubtful.holds()) == ("CLOSING", {1: Decimal("0.1")})
    (close,) = doubtful.catches_up()
    assert (close.action, close.ticket) == ("CLOSE", 555)
    doubtful.reports(3)
    assert (doubtful.status(), doubtful.holds()) == ("CLOSED", {})
    assert plane.verify() == {}


def test_of_what_was_not_filled_nothing_is_left_to_close(plane: Plane, master: Master, doubtful: Copier) -> None:
    master.does("CLOSE", 1)
    doubtful.receives()
    doubtful.reports(2, "REJECTED", code="TRG03")
    settle(plane, doubtful.subscription, 1, "FAILED", None, None)
    assert (doubtful.status(), doubtful.catches_up()) == ("CLOSED", [])
    assert plane.verify() == {}


def test_what_was_never_answered_can_be_settled_too(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1)
    copier.receives()
    settle(plane, copier.subscription, 1)
    assert copier.status() == "OPEN"


def test_who_and_why_is_recorded(plane: Plane, doubtful: Copier) -> None:
    settle(plane, doubtful.subscription, 1)
    detail = plane.value("select detail from signals.protection_events where code = 'TRR08'")
    assert (detail["actor"], detail["reason"], detail["status"]) == ("olga", "asked the broker", "EXECUTED")


def test_the_report_that_comes_after_it_does_not_count_again(plane: Plane, doubtful: Copier) -> None:
    settle(plane, doubtful.subscription, 1)
    assert doubtful.reports(1, ticket=555).verdict == "REPORT_CONFLICT"
    assert doubtful.holds() == {1: Decimal("0.1")}
    assert plane.verify() == {}


@pytest.mark.parametrize(
    "change",
    [
        {"status": "UNKNOWN"},
        {"status": "REJECTED"},
        {"status": None},
        {"volume": None},
        {"volume": "0"},
        {"volume": "-0.1"},
        {"volume": "NaN"},
        {"actor": ""},
        {"actor": None},
        {"reason": ""},
        {"reason": None},
        {"delivery": 2},
        {"delivery": 0},
    ],
)
def test_what_cannot_be_settled_like_this_is_refused(plane: Plane, doubtful: Copier, change: dict[str, Any]) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        settle(plane, doubtful.subscription, **{"delivery": 1} | change)
    assert refusal.value.sqlstate == "TRR07"
    assert plane.value("select status from signals.reports") == "UNKNOWN"
    assert doubtful.copy()["pending"] == 1


def test_what_has_its_report_is_not_settled(plane: Plane, doubtful: Copier) -> None:
    doubtful.reports(1)
    with pytest.raises(psycopg.Error) as refusal:
        settle(plane, doubtful.subscription, 1, "FAILED", None, None)
    assert refusal.value.sqlstate == "TRR07"


def test_a_ticket_of_another_copy_is_refused(plane: Plane, master: Master, doubtful: Copier) -> None:
    master.does("OPEN", 2)
    doubtful.receives()
    doubtful.reports(2, ticket=555)
    with pytest.raises(psycopg.Error) as refusal:
        settle(plane, doubtful.subscription, 1)
    assert refusal.value.sqlstate == "TRR07"


def test_an_unknown_subscription_is_refused(plane: Plane) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        settle(plane, 999_999, 1)
    assert refusal.value.sqlstate == "TRS17"


def test_the_gateway_settles_nothing(plane: Plane, doubtful: Copier) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        plane.gateway.execute(
            "select signals.settle(%s, 1, 'EXECUTED', 1, 0.1, 'the gateway', 'why not')", [doubtful.subscription]
        )
