"""What nobody answers for a day is released."""

from datetime import UTC, datetime

import pytest

from tests.db.plane import Copier, Master, Plane

from .conftest import Bank

pytestmark = pytest.mark.core


def test_a_hold_without_an_answer_expires_after_a_day_and_once(
    plane: Plane, bank: Bank, master: Master, copier: Copier
) -> None:
    bank.pays(copier, 2, flat=2)
    for position in (1, 2):
        master.does("OPEN", position)
    copier.receives()
    plane.tick(hours=24)
    assert bank.run("expire_holds") is None
    plane.tick(seconds=1)
    assert bank.run("expire_holds") == "1 holds expired"
    assert bank.run("expire_holds") is None
    assert bank.holds(copier) == [(1, "EXPIRED", 2, 0)]
    assert bank.held(copier.account) == 0
    assert bank.state(copier) == "SYNCED"
    assert plane.verify() == {}


def test_a_report_after_that_charges_nothing(plane: Plane, bank: Bank, master: Master, copier: Copier) -> None:
    bank.pays(copier, 2, flat=2)
    master.does("OPEN", 1)
    copier.receives()
    plane.tick(hours=25)
    bank.run("expire_holds")
    copier.reports(1)
    assert copier.status() == "OPEN"
    assert bank.has(copier.account) == 2
    assert plane.verify() == {}


def test_who_owes_is_locked_again_whatever_took_the_lock_away(plane: Plane, bank: Bank, copier: Copier) -> None:
    bank.pays(copier, 1, management_rate="0.365", period="DAILY")
    copier.beats("20000", balance="10000")
    plane.tick(hours=12)
    bank.run("settle")
    assert bank.state(copier) == "LOCKED_NO_FUNDS"
    plane.transition(copier.subscription, "user_pause")
    plane.transition(copier.subscription, "user_resume")
    assert bank.state(copier) == "SYNCED"
    bank.run("expire_holds")
    assert bank.state(copier) == "LOCKED_NO_FUNDS"


def test_what_expires_pays_what_is_owed(plane: Plane, bank: Bank, master: Master, copier: Copier) -> None:
    bank.pays(copier, 10, flat=10, management_rate="0.365", period="MONTHLY")
    copier.beats("20000", balance="10000")
    master.does("OPEN", 1)
    copier.receives()
    plane.set_clock(datetime(2026, 2, 1, tzinfo=UTC))
    bank.run("settle")
    assert bank.agreement(copier)["arrears"] > 10
    bank.run("expire_holds")
    assert (bank.has(copier.account), bank.held(copier.account)) == (0, 0)
    assert plane.verify() == {}
