"""Money: accounts with wallets, and what is to be seen of them."""

import itertools
from decimal import Decimal
from typing import Any

import pytest

from tests.db.plane import Plane

KEYS = itertools.count(1)


class Bank:
    """What the operator and the payment adapter do, and the ledger as the superuser sees it."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane

    def wallet(self, amount: str | int = 0, *, currency: str = "USD", lane: int | None = None) -> int:
        """An account with so much in its wallet."""
        account = self.plane.account("subscriber", lane=lane)
        self.open(account, currency)
        if Decimal(amount):
            self.deposit(account, amount, currency=currency)
        return account

    def open(self, account: int | None, currency: str | None = "USD") -> int:
        return int(self.plane.answer("select billing.open_wallet(%s, %s)", account, currency))

    def deposit(
        self,
        account: int,
        amount: Any,
        *,
        currency: str = "USD",
        key: str | None = "",
        actor: str | None = "adapter",
    ) -> int:
        key = f"key-{next(KEYS)}" if key == "" else key
        amount = None if amount is None else Decimal(amount)
        query = "select billing.deposit(%s, %s, %s, %s, %s)"
        return int(self.plane.answer(query, account, currency, amount, key, actor))

    def withdraw(
        self, account: int, amount: Any, *, currency: str = "USD", key: str | None = "", source: str = "WALLET"
    ) -> int:
        key = f"key-{next(KEYS)}" if key == "" else key
        query = "select billing.withdraw(%s, %s, %s, %s, 'adapter', %s)"
        return int(self.plane.answer(query, account, currency, Decimal(amount), key, source))

    def correct(self, transfer: int, reason: str | None = "a mistake") -> int:
        return int(self.plane.answer("select billing.correct(%s, 'an operator', %s)", transfer, reason))

    def has(self, account: int | None, kind: str = "WALLET", currency: str = "USD") -> Decimal:
        """The balance over all lanes."""
        found: Decimal = self.plane.value(
            "select coalesce(sum(balance), 0) from billing.ledger_accounts"
            " where account_id is not distinct from %s and kind = %s and currency = %s",
            account,
            kind,
            currency,
        )
        return found

    def held(self, account: int) -> Decimal:
        found: Decimal = self.plane.value(
            "select sum(held) from billing.ledger_accounts where account_id = %s and kind = 'WALLET'", account
        )
        return found

    def entries(self, account: int, kind: str = "WALLET") -> list[tuple[str, Decimal, Decimal]]:
        """What happened on an account, in order: kind, change, balance after it."""
        return self.plane.rows(
            "select e.kind, e.change, e.balance from billing.entries as e"
            " join billing.ledger_accounts as a using (lane, ledger_account_id)"
            " where a.account_id = %s and a.kind = %s order by e.transfer_id",
            account,
            kind,
        )


@pytest.fixture
def bank(plane: Plane) -> Bank:
    return Bank(plane)
