"""What the operator sets up and does."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, LiteralString

from psycopg.rows import class_row

from tests.db.plane.answers import License
from tests.db.plane.database import Database


class Operator(Database):
    """Calls with the rights of ecp_operator."""

    def answer(self, query: LiteralString, *parameters: Any) -> Any:
        """What the function answers, in the first column."""
        row = self.operator.execute(query, parameters).fetchone()
        assert row
        return row[0]

    def name(self, kind: str) -> str:
        self._names += 1
        return f"{kind}-{self._names}"

    def account(self, *roles: str, lane: int | None = None, name: str | None = None) -> int:
        name, can = name or self.name("account"), list(roles or ("provider", "subscriber"))
        return int(self.answer("select access.create_account(%s, %s, %s::smallint)", name, can, lane))

    def license(self, account: int, purpose: str, *networks: str, life: timedelta = timedelta(days=30)) -> License:
        found = (
            self.operator.cursor(row_factory=class_row(License))
            .execute(
                "select * from access.issue_license(%s, %s, %s::cidr[], %s)",
                [account, purpose, list(networks) or None, life],
            )
            .fetchone()
        )
        assert found
        return found

    def define(
        self, stream: int, symbol: str, *, digits: int = 5, least: str = "0.01", most: str = "50", step: str = "0.01"
    ) -> None:
        self.operator.execute(
            "select signals.define_instrument(%s, %s, %s, %s, %s, %s)",
            [stream, symbol, digits, Decimal(least), Decimal(most), Decimal(step)],
        )

    def subscribe(self, account: int, stream: int, *, portfolio: int | None = None, **settings: Any) -> int:
        wish = json.dumps(settings)
        return int(self.answer("select signals.subscribe(%s, %s, %s, %s)", account, stream, wish, portfolio))

    def write_settings(self, subscription: int, **settings: Any) -> int:
        return int(self.answer("select signals.write_settings(%s, %s)", subscription, json.dumps(settings)))

    def portfolio(self, account: int, name: str = "second", mode: str = "HEDGING", currency: str | None = None) -> int:
        return int(self.answer("select signals.create_portfolio(%s, %s, %s, %s)", account, name, mode, currency))

    def map_symbol(self, portfolio: int, master_symbol: str | None, symbol: str | None) -> None:
        self.operator.execute("select signals.map_symbol(%s, %s, %s)", [portfolio, master_symbol, symbol])

    def transition(self, subscription: int, cause: str, actor: str = "a test") -> str:
        return str(self.answer("select signals.transition(%s, %s, %s)", subscription, cause, actor))

    def halt(self, scope: str = "GLOBAL", subject: object = None) -> None:
        named = None if subject is None else str(subject)
        self.operator.execute("select signals.halt(%s, %s, %s, %s)", [scope, named, "a drill", "a test"])

    def lift_halt(self, scope: str = "GLOBAL", subject: object = None) -> bool:
        named = None if subject is None else str(subject)
        return bool(self.answer("select signals.lift_halt(%s, %s, %s, %s)", scope, named, "it is over", "a test"))

    def reset_trust(
        self, account: int | None, role: str | None, score: int | None = 100, reason: str | None = "a drill",
        actor: str | None = "a test",
    ) -> None:  # fmt: skip
        query: LiteralString = "select trust.reset(%s, %s, %s, %s, %s)"
        self.operator.execute(query, [account, role, score, reason, actor])

    # Protections and schedule

    def protect(
        self,
        portfolio: int,
        kind: str | None,
        threshold: str | None,
        unit: str | None = "MONEY",
        action: str | None = "CLOSE_ONLY",
        subscription: int | None = None,
    ) -> int:
        limit = None if threshold is None else Decimal(threshold)
        query: LiteralString = "select signals.protect(%s, %s, %s, %s, %s, %s)"
        return int(self.answer(query, portfolio, kind, limit, unit, action, subscription))

    def lift_protection(self, protection: int, actor: str | None = "a test", reason: str | None = "a drill") -> None:
        self.operator.execute("select signals.lift_protection(%s, %s, %s)", [protection, actor, reason])

    def remove_protection(self, protection: int, actor: str | None = "a test") -> None:
        self.operator.execute("select signals.remove_protection(%s, %s)", [protection, actor])

    def news(self, at: datetime, currency: str = "EUR", impact: str = "HIGH") -> int:
        query: LiteralString = "select signals.schedule_news(%s, %s, %s, 'a rate decision')"
        return int(self.answer(query, currency, at, impact))
