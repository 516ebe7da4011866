"""A mistake is taken back by its counter-entry, once; nothing is ever changed."""

from decimal import Decimal

import psycopg
import pytest

from tests.db.plane import Plane

from .conftest import Bank

pytestmark = pytest.mark.core


def test_a_correction_is_the_same_amount_the_other_way(plane: Plane, bank: Bank) -> None:
    account = bank.wallet()
    wrong = bank.deposit(account, 100)
    right = bank.correct(wrong)
    assert bank.has(account) == bank.has(None, "EXTERNAL") == 0
    kept = plane.record("select * from billing.transfers where transfer_id = %s", right)
    assert (kept["kind"], kept["reverses"], kept["actor"], kept["reason"]) == (
        "CORRECTION", wrong, "an operator", "a mistake",
    )  # fmt: skip
    assert plane.verify() == {}


def test_nothing_is_taken_back_twice(bank: Bank) -> None:
    account = bank.wallet(50)
    wrong = bank.deposit(account, 10)
    bank.correct(wrong)
    with pytest.raises(psycopg.Error) as raised:
        bank.correct(wrong)
    assert raised.value.sqlstate == "TRB07"
    assert bank.has(account) == 50


def test_a_correction_can_itself_be_taken_back(bank: Bank) -> None:
    account = bank.wallet()
    bank.correct(bank.correct(bank.deposit(account, 10)))
    assert bank.has(account) == 10


def test_what_was_spent_cannot_be_taken_back(plane: Plane, bank: Bank) -> None:
    account = bank.wallet()
    wrong = bank.deposit(account, 100)
    bank.withdraw(account, 1)
    with pytest.raises(psycopg.Error) as raised:
        bank.correct(wrong)
    assert raised.value.sqlstate == "TRB04"
    assert plane.verify() == {}


def test_an_unknown_transfer_and_a_missing_reason_are_refused(bank: Bank) -> None:
    with pytest.raises(psycopg.Error) as raised:
        bank.correct(99)
    assert raised.value.sqlstate == "TRB12"
    wrong = bank.deposit(bank.wallet(), 1)
    for reason in ("", None):
        with pytest.raises(psycopg.Error) as raised:
            bank.correct(wrong, reason)
        assert raised.value.sqlstate == "TRB13"


@pytest.mark.parametrize(
    "statement",
    [
        "update billing.transfers set amount = 1",
        "update billing.transfers set reason = 'x' where false",
        "delete from billing.transfers",
        "truncate billing.transfers",
    ],
)
@pytest.mark.parametrize("role", [None, "ecp_owner", "ecp_operator"])
def test_the_ledger_is_append_only(plane: Plane, bank: Bank, statement: str, role: str | None) -> None:
    """By trigger for a superuser, by grants for everybody else, the owner included."""
    account = bank.wallet(100)
    try:
        plane.admin.execute(f"set role {role or 'none'}".encode())
        with pytest.raises(psycopg.Error) as raised:
            plane.admin.execute(statement.encode())
    finally:
        plane.admin.execute("reset role")
    assert raised.value.sqlstate == ("42501" if role else "TRB09")
    assert bank.entries(account) == [("DEPOSIT", Decimal(100), Decimal(100))]
