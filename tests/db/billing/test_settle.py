"""Performance and management fees: what is due at the end of a period, once, whatever clock and job do."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.db.plane import Copier, Master, Plane, Specification

from .conftest import Bank

pytestmark = pytest.mark.core


class Trader:
    """A follower of EURUSD at ten dollars a pip and lot, whose trades end as they are told to."""

    def __init__(self, plane: Plane, bank: Bank, master: Master, copier: Copier) -> None:
        self.plane, self.bank, self.master, self.copier = plane, bank, master, copier
        self.positions = 0
        copier.uploads(Specification("EURUSD", tick_size="0.0001", tick_value="10"))
        plane.write_settings(copier.subscription, copy_stops=False)

    def opens(self, side: str = "BUY", volume: str = "1", price: str = "1.1000") -> int:
        self.positions += 1
        self.master.does("OPEN", self.positions, side=side, volume=volume, price=price)
        for each in self.copier.receives():
            self.copier.reports(each.delivery_seq, volume=volume, price=price, ticket=1000 + self.positions)
        return self.positions

    def closes(self, position: int, price: str, *, remaining: str | None = None, volume: str = "1") -> None:
        if remaining:
            self.master.does("PARTIAL_CLOSE", position, volume=remaining)
        else:
            self.master.does("CLOSE", position)
        for each in self.copier.receives():
            self.copier.reports(each.delivery_seq, volume=volume, price=price, ticket=1000 + position)

    def makes(self, profit: int) -> None:
        """One lot, opened at 1.1 and closed so many dollars further."""
        self.closes(self.opens(), str(Decimal("1.1000") + Decimal(profit) / 100_000))

    def charged(self, kind: str = "PERFORMANCE_FEE") -> list[Any]:
        """The fees of this kind, settlement by settlement."""
        return self.plane.rows(
            "select sum(amount) from billing.transfers where subscription_id = %s and kind = %s"
            " group by kind, occurred_at, period order by min(transfer_id)",
            self.copier.subscription,
            kind,
        )


@pytest.fixture
def trader(plane: Plane, bank: Bank, master: Master, copier: Copier) -> Trader:
    plane.set_clock(datetime(2026, 3, 2, 12, tzinfo=UTC))  # a Monday
    return Trader(plane, bank, master, copier)


def pays(trader: Trader, amount: Any = 10_000, **terms: Any) -> None:
    trader.bank.pays(trader.copier, amount, **({"performance_rate": "0.2"} | terms))


@pytest.mark.parametrize(
    ("trades", "fees"),
    [([1000, -500, 1000], [200, 100]), ([1000, -500, 1500], [200, 200])],
    ids=["E = 1000, 500, 1500", "E = 1000, 500, 2000"],
)
def test_by_the_trade_each_closing_settles(trader: Trader, trades: list[int], fees: list[int]) -> None:
    pays(trader, period="TRADE", platform_share="0.1")
    for profit in trades:
        trader.makes(profit)
        trader.plane.tick(minutes=1)
    assert trader.charged() == fees
    agreement = trader.bank.agreement(trader.copier)
    assert (agreement["realised"], agreement["high_water_mark"]) == (sum(trades), sum(trades))
    assert trader.bank.has(trader.master.account, "PAYABLE") == sum(fees) * Decimal("0.9")
    assert trader.plane.verify() == {}


@pytest.mark.parametrize(
    ("trades", "fees"),
    [([1000, -500, 1000], [200, 100]), ([1000, -500, 1500], [200, 200])],
    ids=["E = 1000, 500, 1500", "E = 1000, 500, 2000"],
)
@pytest.mark.parametrize(("period", "days"), [("DAILY", 1), ("WEEKLY", 7), ("MONTHLY", 31)])
def test_by_the_period_its_end_settles(
    trader: Trader, period: str, days: int, trades: list[int], fees: list[int]
) -> None:
    pays(trader, period=period)
    for profit in trades:
        trader.makes(profit)
        assert trader.bank.run("settle") is None
        trader.plane.tick(days=days)
        assert trader.bank.run("settle") == "1 periods settled"
        assert trader.bank.run("settle") is None
    assert trader.charged() == fees
    assert trader.plane.verify() == {}


def test_a_run_that_was_missed_is_made_up_for_as_of_its_time(trader: Trader) -> None:
    pays(trader, period="DAILY")
    for profit in (1000, -500, 1000):
        trader.makes(profit)
        trader.plane.tick(days=1)
    # The reports of the second and third day have settled the days before them.
    assert trader.bank.run("settle") == "1 periods settled"
    assert trader.charged() == [200, 100]
    assert trader.plane.verify() == {}


def test_a_clock_that_was_set_back_settles_nothing_twice(trader: Trader) -> None:
    pays(trader, period="DAILY", management_rate="0.01")
    trader.plane.write_settings(trader.copier.subscription, capital=36_500)
    trader.makes(1000)
    trader.plane.tick(days=1)
    trader.bank.run("settle")
    before = trader.bank.agreement(trader.copier)
    trader.plane.tick(days=-1)
    assert trader.bank.run("settle") is None
    trader.makes(100)
    trader.plane.tick(days=1)
    assert trader.bank.run("settle") is None
    assert trader.bank.agreement(trader.copier)["settled_at"] == before["settled_at"]
    trader.plane.tick(days=1)
    assert trader.bank.run("settle") == "1 periods settled"
    assert trader.charged() == [200, 20]
    # Half a day, then a whole one.
    assert trader.charged("MANAGEMENT_FEE") == [Decimal("0.50"), 1]
    assert trader.plane.verify() == {}


def test_killed_midway_it_has_done_nothing_and_then_all_of_it(trader: Trader) -> None:
    pays(trader, period="DAILY")
    trader.makes(1000)
    trader.plane.tick(days=1)
    with trader.plane.connect("ecp_owner") as connection, connection.transaction(force_rollback=True):
        connection.execute("select billing.settle()")
    assert trader.charged() == []
    trader.bank.run("settle")
    assert trader.charged() == [200]


def test_every_closing_is_explained_by_its_row(trader: Trader) -> None:
    pays(trader)
    position = trader.opens("SELL", volume="1", price="1.1000")
    trader.closes(position, "1.0990", remaining="0.40", volume="0.60")
    trader.closes(position, "1.1010", volume="0.40")
    assert trader.plane.rows(
        "select volume, price, open_price, profit from billing.fills where not opens order by delivery_seq"
    ) == [
        (Decimal("0.60"), Decimal("1.0990"), Decimal("1.1000"), Decimal("60.00")),
        (Decimal("0.40"), Decimal("1.1010"), Decimal("1.1000"), Decimal("-40.00")),
    ]
    assert trader.bank.agreement(trader.copier)["realised"] == 20
    assert trader.plane.verify() == {}


def test_what_was_opened_before_and_what_has_no_tick_value_counts_as_nothing(trader: Trader) -> None:
    early = trader.opens()
    pays(trader)
    trader.closes(early, "1.2000")
    late = trader.opens()
    trader.copier.uploads(Specification("EURUSD", tick_size="0.0001", tick_value="0"))
    trader.closes(late, "1.2000")
    assert trader.plane.rows("select position_id, profit from billing.fills where not opens") == [(late, None)]
    assert trader.bank.agreement(trader.copier)["realised"] == 0
    assert trader.plane.verify() == {}


def test_reports_in_one_batch_or_one_by_one_cost_the_same(trader: Trader) -> None:
    pays(trader, period="TRADE")
    for _ in range(3):
        trader.opens()
    for position in (1, 2, 3):
        trader.master.does("CLOSE", position)
    prices = ["1.1100", "1.1050", "1.0900"]
    reports = [
        trader.copier.report(each.delivery_seq, volume="1", price=price, ticket=1001 + number)
        for number, (each, price) in enumerate(zip(trader.copier.receives(), prices, strict=True))
    ]
    trader.plane.report(reports)
    agreement = trader.bank.agreement(trader.copier)
    assert (agreement["realised"], agreement["high_water_mark"]) == (500, 1500)
    assert trader.charged() == [300]
    assert trader.plane.verify() == {}


def test_what_a_wallet_cannot_pay_is_owed_and_locks_and_later_money_pays_it_first(trader: Trader) -> None:
    bank, copier = trader.bank, trader.copier
    pays(trader, 150, period="TRADE", platform_share="0.1")
    trader.makes(1000)
    agreement = bank.agreement(copier)
    assert (bank.has(copier.account), agreement["arrears"], agreement["high_water_mark"]) == (0, 50, 1000)
    assert bank.state(copier) == "LOCKED_NO_FUNDS"
    assert trader.plane.verify() == {}
    bank.deposit(copier.account, 20)
    assert (bank.has(copier.account), bank.agreement(copier)["arrears"]) == (0, 30)
    assert bank.state(copier) == "LOCKED_NO_FUNDS"
    bank.deposit(copier.account, 100)
    assert (bank.has(copier.account), bank.agreement(copier)["arrears"]) == (70, 0)
    assert bank.state(copier) == "SYNCED"
    assert bank.changes(copier) == [("no_funds", "plane"), ("funded", "plane")]
    assert bank.has(trader.master.account, "PAYABLE") == 180
    assert trader.plane.verify() == {}


def test_a_withdrawal_larger_than_the_profit_is_no_loss(trader: Trader) -> None:
    pays(trader, 5000, period="TRADE")
    trader.makes(1000)
    trader.bank.withdraw(trader.copier.account, 4800)
    trader.bank.deposit(trader.copier.account, 9000)
    assert trader.bank.agreement(trader.copier)["realised"] == 1000
    trader.makes(-100)
    trader.makes(100)
    assert trader.charged() == [200]
    assert trader.plane.verify() == {}


def test_a_plan_changed_in_mid_period_charges_by_the_old_one_until_its_end(trader: Trader) -> None:
    pays(trader, period="MONTHLY")
    trader.makes(1000)
    pays(trader, period="DAILY", performance_rate="0.5")
    trader.makes(1000)
    trader.plane.tick(days=2)
    assert trader.bank.run("settle") is None
    trader.plane.set_clock(datetime(2026, 4, 1, tzinfo=UTC))
    trader.bank.run("settle")
    assert trader.charged() == [400]
    trader.makes(1000)
    trader.plane.tick(days=1)
    trader.bank.run("settle")
    assert trader.charged() == [400, 500]
    assert trader.plane.verify() == {}


def test_profit_that_was_made_under_a_free_plan_is_never_charged(trader: Trader) -> None:
    pays(trader, period="DAILY")
    trader.makes(1000)
    pays(trader, performance_rate=0, period="DAILY")
    trader.plane.tick(days=1)
    trader.bank.run("settle")
    trader.makes(1000)
    pays(trader, performance_rate="0.5", period="DAILY")
    trader.makes(1000)
    trader.plane.tick(days=1)
    trader.bank.run("settle")
    trader.makes(100)
    trader.plane.tick(days=1)
    trader.bank.run("settle")
    assert trader.charged() == [200, 50]
    assert trader.plane.verify() == {}


def test_remainders_are_carried(trader: Trader) -> None:
    pays(trader, period="TRADE", performance_rate="0.000333")
    for _ in range(30):
        trader.makes(10)
    agreement = trader.bank.agreement(trader.copier)
    assert sum(trader.charged()) == Decimal("0.09")
    assert agreement["performance_remainder"] == Decimal("0.0099")
    assert trader.plane.verify() == {}


def test_the_high_water_mark_never_falls(trader: Trader) -> None:
    pays(trader, period="TRADE")
    trader.makes(1000)
    with pytest.raises(psycopg.Error) as raised:
        trader.plane.admin.execute("update billing.agreements set high_water_mark = 999")
    assert raised.value.sqlstate == "TRB10"


def test_a_management_fee_is_by_time_and_capital(trader: Trader) -> None:
    pays(trader, performance_rate=0, management_rate="0.02", period="DAILY")
    trader.plane.write_settings(trader.copier.subscription, capital=10_000)
    for _ in range(10):
        trader.plane.tick(days=1)
        trader.bank.run("settle")
    # 9.5 days of 200 dollars a year.
    paid = sum(trader.charged("MANAGEMENT_FEE"))
    owed = Decimal("9.5") * 200 / 365
    assert 0 <= owed - paid < Decimal("0.01")
    assert trader.plane.verify() == {}


def test_without_a_capital_it_is_of_the_balance_that_the_terminal_told(trader: Trader) -> None:
    pays(trader, performance_rate=0, management_rate="0.365", period="DAILY")
    trader.copier.beats("20000", balance="10000")
    trader.plane.tick(hours=12)
    trader.bank.run("settle")
    assert trader.charged("MANAGEMENT_FEE") == [5]


def test_nothing_is_managed_after_the_end(trader: Trader) -> None:
    pays(trader, performance_rate=0, management_rate="0.365", period="DAILY")
    trader.copier.beats("20000", balance="10000")
    trader.plane.tick(hours=6)
    trader.plane.transition(trader.copier.subscription, "end")
    trader.plane.tick(days=40)
    trader.bank.run("settle")
    assert trader.charged("MANAGEMENT_FEE") == [Decimal("2.50")]


def test_what_is_closed_after_the_period_is_charged_by_the_next_plan_however_late_the_job(trader: Trader) -> None:
    pays(trader, period="TRADE")
    position = trader.opens()
    pays(trader, performance_rate=0)
    trader.plane.tick(days=2)
    trader.closes(position, "1.1100")
    assert trader.charged() == []
    trader.bank.run("settle")
    assert trader.charged() == []
    assert trader.bank.agreement(trader.copier)["high_water_mark"] == 0
    assert trader.plane.verify() == {}


def test_what_is_reported_again_after_the_first_plan_was_traded_before_it(trader: Trader) -> None:
    position = trader.opens()
    trader.closes(position, "1.1100")
    pays(trader, period="TRADE")
    for delivery, price in ((1, "1.1000"), (2, "1.1100")):
        answer = trader.copier.reports(delivery, volume="1", price=price, ticket=1000 + position)
        assert answer.verdict == "REPORT_DUPLICATE"
    assert trader.charged() == []
    assert trader.bank.agreement(trader.copier)["realised"] == 0
