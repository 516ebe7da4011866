"""Transfers: two legs, running balances, and no order of locks that could end in a deadlock."""

import os
import random
from decimal import Decimal

import psycopg
import pytest

from tests.db.plane import Plane, run_together

from .conftest import Bank

pytestmark = pytest.mark.core

# In full: ECP_LONG=1, a million transfers; `ecp torture` says how many it wants.
TRANSFERS = int(os.environ.get("ECP_TRANSFERS") or (1_000_000 if os.environ.get("ECP_LONG") else 2400))
CONNECTIONS = 8
MOVE = """
    select billing.transfer(%s::smallint, array(
        select ('SWEEP', amount, debit, credit, null, null, null, null, null, null, null, 'a test')::billing.posting
        from unnest(%s::bigint[], %s::bigint[], %s::numeric[]) as u (debit, credit, amount)))
"""


def test_legs_on_one_account_follow_each_other(plane: Plane, bank: Bank) -> None:
    accounts = [bank.wallet(10, lane=2), bank.wallet(lane=2)]
    one, other = (bank.open(account) for account in accounts)
    plane.admin.execute(MOVE, [2, [one, one, other], [other, other, one], [1, 2, 3]])
    assert [balance for _, _, balance in bank.entries(accounts[0])] == [10, 9, 7, 10]
    assert [balance for _, _, balance in bank.entries(accounts[1])] == [1, 3, 0]
    assert plane.verify() == {}


def test_one_overdraft_and_nothing_of_the_batch_happens(plane: Plane, bank: Bank) -> None:
    accounts = [bank.wallet(10, lane=2), bank.wallet(lane=2)]
    one, other = (bank.open(account) for account in accounts)
    with pytest.raises(psycopg.errors.CheckViolation, match="ledger_accounts_covered"):
        plane.admin.execute(MOVE, [2, [one, one], [other, other], [6, 5]])
    assert [bank.has(account) for account in accounts] == [10, 0]


def test_both_accounts_are_of_the_lane_and_of_one_currency(plane: Plane, bank: Bank) -> None:
    account = bank.wallet(10, lane=2)
    here, euro = bank.open(account), bank.open(account, "EUR")
    there = bank.open(bank.wallet(lane=3))
    for other in (euro, there, 99):
        with pytest.raises(psycopg.Error) as raised:
            plane.admin.execute(MOVE, [2, [here], [other], [1]])
        assert raised.value.sqlstate == "TRB08"
    assert bank.has(account) == 10


def test_random_transfers_at_once_never_deadlock_and_sum_to_zero(plane: Plane, bank: Bank, drawn_seed: int) -> None:
    """A deadlock is an error 40P01 in one of the threads, and is raised here."""
    accounts = [bank.wallet(1000, lane=2) for _ in range(6)]
    wallets = [bank.open(account) for account in accounts]
    refused: list[int] = []

    def work(worker: int) -> None:
        dice = random.Random(f"{drawn_seed} {worker}")
        with plane.connect("ecp_owner") as connection:
            for _ in range(TRANSFERS // CONNECTIONS // 3):
                pairs = [dice.sample(wallets, k=2) for _ in range(3)]
                amounts = [Decimal(dice.randint(1, 50000)) / 100 for _ in pairs]
                try:
                    connection.execute(MOVE, [2, [a for a, _ in pairs], [b for _, b in pairs], amounts])
                except psycopg.errors.CheckViolation:
                    refused.append(worker)

    run_together(*[lambda worker=worker: work(worker) for worker in range(CONNECTIONS)])
    assert 0 < len(refused) < TRANSFERS // 3, "some were refused, some were not"
    assert sum(bank.has(account) for account in accounts) == 6000
    assert plane.verify() == {}
