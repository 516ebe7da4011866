"""Money that arrives: once per key, in whole units, into a wallet that there is."""

from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.db.plane import Plane

from .conftest import Bank

pytestmark = pytest.mark.core


def test_a_deposit_is_in_the_wallet_and_came_from_outside(plane: Plane, bank: Bank) -> None:
    account = bank.wallet()
    bank.deposit(account, "100.50")
    assert bank.has(account) == Decimal("100.50")
    assert bank.has(None, "EXTERNAL") == Decimal("-100.50")
    assert bank.entries(account) == [("DEPOSIT", Decimal("100.50"), Decimal("100.50"))]
    assert plane.verify() == {}


def test_the_same_key_and_content_answer_with_the_first_transfer(bank: Bank) -> None:
    account = bank.wallet()
    assert bank.deposit(account, 10, key="psp-1") == bank.deposit(account, 10, key="psp-1")
    assert bank.has(account) == 10


def test_a_key_is_remembered_when_the_money_is_gone(bank: Bank) -> None:
    account = bank.wallet()
    first = bank.deposit(account, 10, key="psp-1")
    paid = bank.withdraw(account, 10, key="out-1")
    assert bank.deposit(account, 10, key="psp-1") == first
    assert bank.withdraw(account, 10, key="out-1") == paid
    assert bank.has(account) == 0


@pytest.mark.parametrize("other", [{"amount": 11}, {"currency": "EUR"}, {"account": True}])
def test_a_key_is_not_used_for_something_else(bank: Bank, other: dict[str, Any]) -> None:
    accounts = [bank.wallet(lane=3), bank.wallet(lane=3)]
    bank.open(accounts[0], "EUR")
    bank.deposit(accounts[0], 10, key="psp-1")
    with pytest.raises(psycopg.Error) as raised:
        bank.deposit(
            accounts["account" in other], other.get("amount", 10), currency=other.get("currency", "USD"), key="psp-1"
        )
    assert raised.value.sqlstate == "TRB05"
    assert [bank.has(account) for account in accounts] == [10, 0]


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (0, "TRB01"),
        ("-1", "TRB01"),
        ("NaN", "TRB01"),
        ("Infinity", "TRB01"),
        ("1e15", "TRB01"),
        (None, "TRB01"),
        ("0.001", "TRB03"),
        ("1.234", "TRB03"),
    ],
)
def test_amounts_are_positive_and_in_whole_units(bank: Bank, amount: Any, code: str) -> None:
    account = bank.wallet()
    with pytest.raises(psycopg.Error) as raised:
        bank.deposit(account, amount)
    assert raised.value.sqlstate == code
    assert bank.entries(account) == []


def test_each_currency_has_its_own_digits(bank: Bank) -> None:
    account = bank.wallet(currency="JPY")
    bank.deposit(account, 100, currency="JPY")
    with pytest.raises(psycopg.Error) as raised:
        bank.deposit(account, "0.5", currency="JPY")
    assert raised.value.sqlstate == "TRB03"
    bank.open(account, "BTC")
    bank.deposit(account, "0.00000001", currency="BTC")
    assert bank.has(account, currency="BTC") == Decimal("0.00000001")


@pytest.mark.parametrize(("key", "actor"), [(None, "adapter"), ("x" * 201, "adapter"), ("k", ""), ("k", None)])
def test_who_asks_and_under_which_key_is_said(bank: Bank, key: str | None, actor: str | None) -> None:
    account = bank.wallet()
    with pytest.raises(psycopg.Error) as raised:
        bank.deposit(account, 1, key=key, actor=actor)
    assert raised.value.sqlstate == "TRB13"


def test_a_wallet_that_nobody_opened_is_unknown(plane: Plane, bank: Bank) -> None:
    account = plane.account("subscriber")
    for currency in ("USD", "XXX", None):
        with pytest.raises(psycopg.Error) as raised:
            plane.answer("select billing.deposit(%s, %s, 1, 'k', 'a')", account, currency)
        assert raised.value.sqlstate == "TRB08"
    assert bank.has(account) == 0
