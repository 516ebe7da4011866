"""Money: accounts with wallets, and what is to be seen of them."""

import itertools
import json
from decimal import Decimal
from typing import Any, LiteralString

import pytest

from tests.db.plane import Copier, Plane

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
        query: LiteralString = "select billing.deposit(%s, %s, %s, %s, %s)"
        return int(self.plane.answer(query, account, currency, amount, key, actor))

    def withdraw(
        self, account: int, amount: Any, *, currency: str = "USD", key: str | None = "", source: str = "WALLET"
    ) -> int:
        key = f"key-{next(KEYS)}" if key == "" else key
        query: LiteralString = "select billing.withdraw(%s, %s, %s, %s, 'adapter', %s)"
        return int(self.plane.answer(query, account, currency, Decimal(amount), key, source))

    def correct(self, transfer: int, reason: str | None = "a mistake") -> int:
        return int(self.plane.answer("select billing.correct(%s, 'an operator', %s)", transfer, reason))

    def plan(self, stream: int | None, actor: str | None = "an operator", **terms: Any) -> int:
        """A version of what a stream costs, in dollars unless said otherwise."""
        wish = json.dumps({"currency": "USD"} | terms)
        return int(self.plane.answer("select billing.write_plan(%s, %s, %s)", stream, wish, actor))

    def assign(self, copier: Copier, plan: int | None, actor: str | None = "an operator") -> None:
        self.plane.answer("select billing.assign_plan(%s, %s, %s)", copier.subscription, plan, actor)

    def pays(self, copier: Copier, amount: Any = 0, **terms: Any) -> Copier:
        """The copier pays by these terms out of a wallet with so much in it."""
        stream = self.plane.value(
            "select stream_id from signals.subscriptions where subscription_id = %s", copier.subscription
        )
        self.assign(copier, self.plan(stream, **terms))
        if Decimal(amount):
            self.deposit(copier.account, amount)
        return copier

    def holds(self, copier: Copier) -> list[Any]:
        """Every hold of a subscription: delivery, status, amount, and what was charged."""
        return self.plane.rows(
            "select delivery_seq, status, amount, posted from billing.holds where subscription_id = %s order by 1",
            copier.subscription,
        )

    def agreement(self, copier: Copier) -> dict[str, Any]:
        return self.plane.record("select * from billing.agreements where subscription_id = %s", copier.subscription)

    def state(self, copier: Copier) -> str:
        found: str = self.plane.value(
            "select state from signals.subscriptions where subscription_id = %s", copier.subscription
        )
        return found

    def changes(self, copier: Copier) -> list[tuple[str, str]]:
        """What changed the subscription's state, and who."""
        return self.plane.rows(
            "select cause, actor from signals.subscription_events where subscription_id = %s"
            " and cause <> 'subscribe' order by event_id",
            copier.subscription,
        )

    def run(self, job: LiteralString) -> str | None:
        found: str | None = self.plane.value(f"select billing.{job}()")
        return found

    def has(self, account: int | None, kind: str = "WALLET", currency: str = "USD") -> Any:
        """The balance over all lanes."""
        return self.plane.value(
            "select coalesce(sum(balance), 0) from billing.ledger_accounts"
            " where account_id is not distinct from %s and kind = %s and currency = %s",
            account,
            kind,
            currency,
        )

    def held(self, account: int) -> Any:
        return self.plane.value(
            "select sum(held) from billing.ledger_accounts where account_id = %s and kind = 'WALLET'", account
        )

    def entries(self, account: int, kind: str = "WALLET") -> list[Any]:
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
