"""Statements: opening balance, a line for each entry with what it was for, closing balance."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.db.plane import START, Copier, Master, Plane

from .conftest import Bank

pytestmark = pytest.mark.core


def statement(plane: Plane, account: int, start: Any = START, days: int = 1, kind: str = "WALLET") -> list[Any]:
    end = start + timedelta(days=days)
    return plane.operator.execute(
        "select line, kind, what, change, balance from billing.statement(%s, 'USD', %s, %s, %s)",
        [account, start, end, kind],
    ).fetchall()


def test_each_line_says_what_it_was_for(plane: Plane, bank: Bank, master: Master, copier: Copier) -> None:
    bank.pays(copier, flat=2)
    bank.deposit(copier.account, 10, key="psp-1")
    master.does("OPEN", 1, volume="0.10")
    copier.receives()
    copier.reports(1, volume="0.10")
    wrong = bank.deposit(copier.account, 5, key="psp-2")
    bank.correct(wrong)
    of = f"subscription {copier.subscription} to {master.name}"
    assert statement(plane, copier.account) == [
        (0, "OPENING", "balance carried forward", None, 0),
        (1, "DEPOSIT", "psp-1, by adapter", 10, 10),
        (2, "COPY_FEE", f"{of}: delivery 1, OPEN 0.1 lots EURUSD", -2, 8),
        (3, "DEPOSIT", "psp-2, by adapter", 5, 13),
        (4, "CORRECTION", f"takes back transfer {wrong}: a mistake", -5, 8),
        (5, "CLOSING", "balance", None, 8),
    ]
    bank.run("sweep")
    assert [row[1:] for row in statement(plane, master.account, kind="EARNINGS")] == [
        ("OPENING", "balance carried forward", None, 0),
        ("SWEEP", "from the lanes of subscribers", 2, 2),
        ("CLOSING", "balance", None, 2),
    ]


def test_periods_follow_each_other_without_a_gap(plane: Plane, bank: Bank) -> None:
    account = bank.wallet(1)
    for _ in range(3):
        plane.tick(hours=24)
        bank.deposit(account, 1)
    days = [statement(plane, account, START + timedelta(days=day)) for day in range(4)]
    assert [(day[0][4], len(day) - 2, day[-1][4]) for day in days] == [(n, 1, n + 1) for n in range(4)]
    whole = statement(plane, account, days=9)
    assert (whole[0][4], len(whole) - 2, whole[-1][4]) == (0, 4, Decimal(4))


def test_an_empty_period_has_two_lines_and_a_backward_one_none(plane: Plane, bank: Bank) -> None:
    account = bank.wallet(1)
    assert len(statement(plane, account, START + timedelta(days=2))) == 2
    with pytest.raises(psycopg.Error) as raised:
        statement(plane, account, days=-1)
    assert raised.value.sqlstate == "TRS36"


def test_a_wallet_that_there_is_not_has_none(plane: Plane) -> None:
    with pytest.raises(psycopg.Error) as raised:
        statement(plane, plane.account("subscriber"))
    assert raised.value.sqlstate == "TRB08"
