"""Lifting a protection: what was lost is lost, and is measured anew from here."""

import psycopg
import pytest

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


@pytest.fixture
def stopped(plane: Plane, copier: Copier) -> int:
    """A drawdown of 10 percent that was reached."""
    copier.beats("10000")
    protection = plane.protect(copier.portfolio, "DRAWDOWN", "10", "PERCENT")
    copier.beats("9000")
    assert plane.value("select triggered_value from signals.protections") == 1000
    return protection


def test_new_exposure_passes_again(plane: Plane, master: Master, copier: Copier, stopped: int) -> None:
    plane.lift_protection(stopped)
    master.does("OPEN", 1)
    assert len(copier.receives()) == 1


def test_the_loss_is_counted_from_here(plane: Plane, copier: Copier, stopped: int) -> None:
    plane.lift_protection(stopped)
    copier.beats("8100.01")
    assert plane.value("select triggered_at from signals.protections") is None
    copier.beats("8100")
    assert plane.value("select triggered_value from signals.protections") == 900


def test_who_and_why_is_recorded(plane: Plane, stopped: int) -> None:
    plane.lift_protection(stopped, "olga", "the broker had a glitch")
    detail = plane.value("select detail from signals.protection_events where code = 'TRS35'")
    assert detail == {"protection": stopped, "actor": "olga", "reason": "the broker had a glitch"}


def test_a_floor_stands_as_long_as_it_is_not_reached_again(plane: Plane, master: Master, copier: Copier) -> None:
    copier.beats("900")
    protection = plane.protect(copier.portfolio, "EQUITY_FLOOR", "1000")
    plane.lift_protection(protection)
    master.does("OPEN", 1)
    assert copier.receives() == []
    copier.beats("1001")
    plane.lift_protection(protection)
    master.does("OPEN", 2)
    assert len(copier.receives()) == 1


def test_others_that_were_reached_still_stand(plane: Plane, master: Master, copier: Copier, stopped: int) -> None:
    plane.protect(copier.portfolio, "EQUITY_FLOOR", "9000")
    plane.lift_protection(stopped)
    master.does("OPEN", 1)
    assert copier.receives() == []


@pytest.mark.parametrize(("actor", "reason"), [("", "why"), (None, "why"), ("who", ""), ("who", None)])
def test_it_must_be_said_who_lifts_it_and_why(
    plane: Plane, stopped: int, actor: str | None, reason: str | None
) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        plane.lift_protection(stopped, actor, reason)
    assert refusal.value.sqlstate == "TRS28"
    assert plane.value("select triggered_at is not null from signals.protections")


def test_one_that_is_not_there_is_not_lifted(plane: Plane, stopped: int) -> None:
    plane.remove_protection(stopped)
    for protection in (stopped, 999_999):
        with pytest.raises(psycopg.Error) as refusal:
            plane.lift_protection(protection)
        assert refusal.value.sqlstate == "TRS28"


def test_a_protection_that_did_not_stop_anything_has_nothing_to_lift(plane: Plane, copier: Copier) -> None:
    """Otherwise the loss so far would be forgotten by a slip of the hand."""
    copier.beats("10000")
    protection = plane.protect(copier.portfolio, "DRAWDOWN", "10", "PERCENT")
    copier.beats("9500")
    with pytest.raises(psycopg.Error) as refusal:
        plane.lift_protection(protection)
    assert refusal.value.sqlstate == "TRS28"
    copier.beats("9000")
    assert plane.value("select triggered_value from signals.protections") == 1000


def test_lifting_one_does_not_forget_what_another_counts(plane: Plane, copier: Copier) -> None:
    """A daily loss that is forgiven says nothing of the drawdown from the peak."""
    copier.beats("10000")
    daily = plane.protect(copier.portfolio, "DAILY_LOSS", "500")
    plane.protect(copier.portfolio, "DRAWDOWN", "1000", action="CLOSE_ALL")
    copier.beats("9500")
    plane.lift_protection(daily)
    copier.beats("9000")
    kinds = plane.rows("select kind from signals.protections where triggered_at is not null order by kind")
    assert kinds == ["DAILY_LOSS", "DRAWDOWN"]
