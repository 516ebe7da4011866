"""Whose money the plane has, and what of it is promised."""

from decimal import Decimal

import pytest

from tests.db.billing.conftest import Bank
from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


def test_a_wallet_says_what_is_held_and_what_is_left(plane: Plane, master: Master, copier: Copier) -> None:
    Bank(plane).pays(copier, 10, flat=2)
    master.does("OPEN", 1)
    copier.receives()
    (wallet,) = plane.rows(
        "select currency, balance, held, available from analytics.balances where kind = 'WALLET' and account_id = %s",
        copier.account,
    )
    assert wallet == ("USD", Decimal(10), Decimal(2), Decimal(8))
    assert plane.value("select sum(balance) from analytics.balances") == 0
