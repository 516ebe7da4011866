"""Money that leaves: never more than is available, whoever asks at once."""

import os
from decimal import Decimal

import psycopg
import pytest

from tests.db.plane import Plane, run_together

from .conftest import Bank

pytestmark = pytest.mark.core

# In full: ECP_LONG=1, a thousand rounds; `ecp torture` says how many it wants.
ROUNDS = int(os.environ.get("ECP_ROUNDS") or (1000 if os.environ.get("ECP_LONG") else 3))
CONNECTIONS = 8


def test_what_is_withdrawn_is_outside_again(plane: Plane, bank: Bank) -> None:
    account = bank.wallet(100)
    bank.withdraw(account, "40.25")
    assert bank.entries(account)[-1] == ("WITHDRAWAL", Decimal("-40.25"), Decimal("59.75"))
    assert bank.has(None, "EXTERNAL") == Decimal("-59.75")
    assert plane.verify() == {}


def test_a_wallet_is_never_overdrawn(plane: Plane, bank: Bank) -> None:
    account = bank.wallet(100)
    with pytest.raises(psycopg.Error) as raised:
        bank.withdraw(account, "100.01")
    assert raised.value.sqlstate == "TRB04"
    bank.withdraw(account, 100)
    assert bank.has(account) == 0
    assert plane.verify() == {}


def test_what_is_held_is_not_available(plane: Plane, bank: Bank) -> None:
    account = bank.wallet(100)
    plane.admin.execute("update billing.ledger_accounts set held = 30 where account_id = %s", [account])
    with pytest.raises(psycopg.Error) as raised:
        bank.withdraw(account, 71)
    assert raised.value.sqlstate == "TRB04"
    bank.withdraw(account, 70)


@pytest.mark.parametrize("source", ["PAYABLE", "EXTERNAL", "EARNINGS", "PLATFORM", None])
def test_nothing_but_a_wallet_or_earnings_that_there_are_is_paid_out(bank: Bank, source: str) -> None:
    account = bank.wallet(100)
    with pytest.raises(psycopg.Error) as raised:
        bank.withdraw(account, 1, source=source)
    assert raised.value.sqlstate == "TRB08"


def test_not_even_the_owner_can_overdraw_a_balance(plane: Plane, bank: Bank) -> None:
    account = bank.wallet(100)
    for change in ("balance = -1", "balance = 'NaN'", "held = 101", "held = -1"):
        with pytest.raises(psycopg.errors.CheckViolation):
            plane.admin.execute(f"update billing.ledger_accounts set {change} where account_id = {account}".encode())


@pytest.mark.parametrize("affordable", [0, 1, 57, 200])
def test_of_two_hundred_debits_at_once_exactly_as_many_succeed_as_are_covered(
    plane: Plane, bank: Bank, affordable: int
) -> None:
    for turn in range(ROUNDS):
        account = bank.wallet(affordable * 3)
        done: list[int] = []

        def debit(worker: int, account: int = account, done: list[int] = done, turn: int = turn) -> None:
            with plane.connect("ecp_operator") as connection:
                for number in range(200 // CONNECTIONS):
                    key = f"{turn}-{affordable}-{worker}-{number}"
                    try:
                        connection.execute(
                            "select billing.withdraw(%s, 'USD', 3, %s, 'a test')", [account, f"{account}-{key}"]
                        )
                        done.append(1)
                    except psycopg.Error as error:
                        if error.sqlstate != "TRB04":
                            raise

        run_together(*[lambda worker=worker: debit(worker) for worker in range(CONNECTIONS)])
        assert len(done) == affordable
        assert bank.has(account) == 0
    assert plane.verify() == {}


def test_one_key_at_once_from_everywhere_is_one_withdrawal(plane: Plane, bank: Bank) -> None:
    account = bank.wallet(100)
    answers: list[int] = []

    def ask() -> None:
        with plane.connect("ecp_operator") as connection:
            row = connection.execute(
                "select billing.withdraw(%s, 'USD', 100, 'the key', 'a test')", [account]
            ).fetchone()
            assert row
            answers.append(row[0])

    run_together(*[ask] * CONNECTIONS)
    assert len(answers) == CONNECTIONS
    assert len(set(answers)) == 1
    assert bank.has(account) == 0
