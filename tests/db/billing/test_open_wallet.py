"""A wallet for each account and currency, once."""

import psycopg
import pytest

from tests.db.plane import Plane

from .conftest import Bank

pytestmark = pytest.mark.core


def test_a_wallet_is_opened_once_for_each_currency(plane: Plane, bank: Bank) -> None:
    account = plane.account("subscriber", lane=3)
    assert bank.open(account) == bank.open(account) != bank.open(account, "EUR")
    assert plane.rows("select lane, kind, currency, balance, held from billing.ledger_accounts order by currency") == [
        (3, "WALLET", "EUR", 0, 0),
        (3, "WALLET", "USD", 0, 0),
    ]


@pytest.mark.parametrize("currency", ["XXX", "usd", "", None])
def test_what_the_plane_does_not_keep_is_refused(plane: Plane, bank: Bank, currency: str | None) -> None:
    with pytest.raises(psycopg.Error) as raised:
        bank.open(plane.account("subscriber"), currency)
    assert raised.value.sqlstate == "TRB02"


def test_only_an_active_subscriber_has_one(plane: Plane, bank: Bank) -> None:
    for account in (plane.account("provider"), 99, None):
        with pytest.raises(psycopg.Error) as raised:
            bank.open(account)
        assert raised.value.sqlstate == "TRA08"
