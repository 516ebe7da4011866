"""A refund gives both parts of a fee back, once."""

import psycopg
import pytest

from tests.db.plane import Copier, Master, Plane

from .conftest import Bank

pytestmark = pytest.mark.core

REFUND = "select billing.refund(%s, %s, 'an operator', %s)"


def test_both_parts_come_back_even_when_they_were_swept(
    plane: Plane, bank: Bank, master: Master, copier: Copier
) -> None:
    bank.pays(copier, 10, flat=2, platform_share="0.25")
    for position in (1, 2):
        master.does("OPEN", position)
    copier.receives()
    copier.reports(1)
    bank.run("sweep")
    assert plane.answer(REFUND, copier.subscription, 1, "a complaint") == 2
    assert (bank.has(copier.account), bank.has(master.account, "PAYABLE")) == (10, -1.5)
    with pytest.raises(psycopg.Error) as raised:
        plane.answer(REFUND, copier.subscription, 1, "a complaint")
    assert raised.value.sqlstate == "TRB07"
    # The next fee makes up for it before anything is swept.
    copier.reports(2, ticket=2)
    assert bank.run("sweep") is None
    assert plane.verify() == {}


@pytest.mark.parametrize(("delivery", "reason", "code"), [(2, "x", "TRB12"), (1, "", "TRB13"), (1, None, "TRB13")])
def test_what_was_not_charged_and_what_has_no_reason_is_refused(
    plane: Plane, bank: Bank, master: Master, copier: Copier, delivery: int, reason: str | None, code: str
) -> None:
    bank.pays(copier, 10, flat=2)
    master.does("OPEN", 1)
    copier.receives()
    copier.reports(1)
    with pytest.raises(psycopg.Error) as raised:
        plane.answer(REFUND, copier.subscription, delivery, reason)
    assert raised.value.sqlstate == code
