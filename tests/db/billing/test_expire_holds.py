"""What nobody answers for a day is released."""

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
