"""Equity heartbeats: what an account is worth, and the protections that are measured against it, in one transaction."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from tests.db.plane import Copier, Master, Plane, microseconds, told

pytestmark = pytest.mark.core


@pytest.fixture
def opened(master: Master, copier: Copier) -> Copier:
    """A copier that holds position 1, and whose account is worth 10000."""
    master.does("OPEN", 1)
    copier.receives()
    copier.reports(1)
    copier.beats("10000")
    return copier


def triggered(plane: Plane) -> list[Any]:
    return plane.rows(
        "select kind, triggered_value from signals.protections where triggered_at is not null order by protection_id"
    )


def broker(plane: Plane, hours: float) -> int:
    """What the clock of a broker shows who is so far ahead of UTC."""
    return microseconds(plane.now + timedelta(hours=hours))


class TestWhatIsNoted:
    def test_the_newest_state_of_the_account(self, plane: Plane, copier: Copier) -> None:
        assert copier.beats("10200", balance="10000", broker_us=broker(plane, 2)) is None
        row = plane.record("select * from signals.portfolios")
        assert (row["balance"], row["equity"], row["stated_at"]) == (Decimal(10000), Decimal(10200), plane.now)
        assert row["broker_offset"] == timedelta(hours=2)

    def test_the_last_of_a_batch_counts(self, plane: Plane, copier: Copier) -> None:
        assert plane.note_equity([copier.beat("1"), copier.beat("3"), copier.beat("2")]) == [None] * 3
        assert plane.value("select equity from signals.portfolios") == 2

    @pytest.mark.parametrize(("balance", "equity"), [("0", "-0.01"), ("0.01", "0"), ("0", "5")])
    def test_an_account_that_lost_everything_is_worth_nothing(
        self, plane: Plane, copier: Copier, balance: str, equity: str
    ) -> None:
        assert copier.beats(equity, balance=balance) is None
        found = plane.rows("select balance, equity from signals.portfolios")
        assert found == [(Decimal(balance), Decimal(equity))]

    def test_a_terminal_without_its_broker_tells_nothing_of_the_account(
        self, plane: Plane, master: Master, opened: Copier
    ) -> None:
        """No balance and no equity is who is not logged in: that loses nothing and closes nothing."""
        plane.protect(opened.portfolio, "EQUITY_FLOOR", "9000", action="CLOSE_ALL")
        plane.tick(seconds=30)
        before = plane.rows("select * from signals.equities"), plane.rows("select * from signals.portfolios")
        beat = opened.beat("0", balance="0", subscription=opened.subscription, processed=1, profit="-500")
        assert plane.note_equity([beat]) == [None]
        assert triggered(plane) == []
        assert (plane.rows("select * from signals.equities"), plane.rows("select * from signals.portfolios")) == before
        assert plane.value("select acknowledged_seq from signals.subscription_heads") == 1
        # Nor is it known any longer than what was told last.
        plane.tick(seconds=31)
        opened.beats("0", balance="0")
        master.does("OPEN", 2)
        assert opened.receives() == []
        assert opened.reasons()[-1] == "EQUITY_UNKNOWN"

    def test_what_one_terminal_does_not_know_another_may(self, plane: Plane, copier: Copier) -> None:
        assert plane.note_equity([copier.beat("7"), copier.beat("0", balance="0")]) == [None, None]
        assert plane.value("select equity from signals.portfolios") == 7

    def test_an_account_may_be_worth_less_than_nothing(self, plane: Plane, copier: Copier) -> None:
        assert copier.beats("-50") is None
        assert plane.value("select equity from signals.equities") == -50

    def test_of_a_subscription_its_capital_and_what_it_earned(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master, capital=5000)
        for profit, worth in (("0", 5000), ("12.5", Decimal("5012.5")), ("-100", 4900)):
            assert copier.beats("9999", subscription=copier.subscription, profit=profit) is None
            assert plane.rows("select equity from signals.equities order by subscription_id") == [9999, worth]

    def test_without_capital_what_it_earned(self, plane: Plane, copier: Copier) -> None:
        assert copier.beats(subscription=copier.subscription, profit="-3") is None
        assert plane.value("select equity from signals.equities where subscription_id > 0") == -3

    def test_several_subscriptions_of_a_terminal(self, plane: Plane) -> None:
        account = plane.account("subscriber", lane=2)
        copiers = [plane.copier(plane.master(), account=account) for _ in range(2)]
        session = copiers[1].session
        for copier in copiers:
            copier.resume(session=session)
        beats = [
            copier.beat(session=session, subscription=copier.subscription, profit=str(number))
            for number, copier in enumerate(copiers)
        ]
        assert plane.note_equity(beats) == [None, None]
        assert plane.rows("select equity from signals.equities order by subscription_id") == [10000, 0, 1]

    def test_what_was_processed_is_acknowledged_and_never_taken_back(
        self, plane: Plane, master: Master, opened: Copier
    ) -> None:
        master.does("MODIFY", 1)
        opened.receives()
        for processed, expected in ((1, 1), (2, 2), (1, 2)):
            assert opened.beats(subscription=opened.subscription, processed=processed) is None
            assert plane.value("select acknowledged_seq from signals.subscription_heads") == expected

    def test_highest_and_first_of_the_day_are_kept(self, plane: Plane, copier: Copier) -> None:
        for equity in ("100", "130", "90", "120"):
            copier.beats(equity)
        row = plane.record("select * from signals.equities")
        assert (row["day_equity"], row["peak_equity"], row["equity"]) == (100, 130, 120)

    def test_an_empty_batch_notes_nothing(self, plane: Plane) -> None:
        nothing = ", ".join(["'{}'"] * 8)
        query = f"select * from signals.note_equity(1::smallint, {nothing})".encode()
        assert plane.gateway.execute(query).fetchall() == []


class TestBrokerClock:
    @pytest.mark.parametrize(
        ("hours", "expected"),
        [(0, 0), (2, 2), (3, 3), (-5, -5), (5.75, 5.75), (3.01, 3), (2.99, 3), (14, 14), (-12, -12)],
    )
    def test_stands_a_multiple_of_a_quarter_of_an_hour_from_utc(
        self, plane: Plane, copier: Copier, hours: float, expected: float
    ) -> None:
        copier.beats(broker_us=broker(plane, hours))
        assert plane.value("select broker_offset from signals.portfolios") == timedelta(hours=expected)

    @pytest.mark.parametrize("absurd", [0, -1, 2**63 - 1, None])
    def test_one_that_cannot_be_changes_nothing(self, plane: Plane, copier: Copier, absurd: Any) -> None:
        copier.beats(broker_us=broker(plane, 3))
        assert copier.beats(broker_us=absurd) is None
        assert plane.value("select broker_offset from signals.portfolios") == timedelta(hours=3)

    def test_daylight_saving_moves_the_hours_of_the_broker(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master, hours=["Mon-Fri 15:00-16:00"], zone="BROKER")
        plane.tick(minutes=30)  # 12:30 UTC
        copier.beats(broker_us=broker(plane, 2))
        master.does("OPEN", 1)
        assert copier.receives() == []
        copier.beats(broker_us=broker(plane, 3))
        master.does("OPEN", 2)
        assert len(copier.receives()) == 1
        assert copier.reasons() == ["OUT_OF_HOURS", "COPIED"]


class TestWhoMayTell:
    def test_only_who_copies_into_the_account(self, plane: Plane, copier: Copier) -> None:
        other = plane.copier(plane.master(), lane=copier.lane)
        assert copier.beats(session=other.session) == "TRA06"
        assert copier.beats(session=uuid4()) == "TRA06"
        assert copier.beats(session=None) == "TRA06"
        assert copier.beats(portfolio=999_999) == "TRA06"
        assert copier.beats(lane=(copier.lane + 1) % 8) == "TRA06"
        assert plane.value("select count(*) from signals.equities") == 0

    def test_of_a_subscription_only_its_own_copier(self, plane: Plane, copier: Copier) -> None:
        other = plane.copier(plane.master(), account=copier.account)
        assert copier.beats(subscription=other.subscription) == "TRS17"
        assert copier.beats(subscription=999_999) == "TRS17"

    @pytest.mark.parametrize("processed", [1, -1, 2**62])
    def test_who_is_ahead_has_another_history(self, copier: Copier, processed: int) -> None:
        assert copier.beats(subscription=copier.subscription, processed=processed) == "TRS18"

    def test_one_refused_takes_nothing_from_the_others(self, plane: Plane, copier: Copier) -> None:
        beats = [
            copier.beat("7"),
            copier.beat(session=uuid4()),
            copier.beat(subscription=copier.subscription, profit="1"),
        ]
        assert plane.note_equity(beats) == [None, "TRA06", None]
        assert plane.value("select count(*) from signals.equities") == 2


class TestDailyLoss:
    @pytest.mark.parametrize(
        ("threshold", "unit", "equity", "triggers"),
        [
            ("500", "MONEY", "9500.00000001", False),
            ("500", "MONEY", "9500", True),
            ("5", "PERCENT", "9500.01", False),
            ("5", "PERCENT", "9500", True),
        ],
    )
    def test_is_measured_from_the_first_equity_of_the_day(
        self, plane: Plane, opened: Copier, threshold: str, unit: str, equity: str, triggers: bool
    ) -> None:
        opened.beats("10400")
        plane.protect(opened.portfolio, "DAILY_LOSS", threshold, unit)
        opened.beats(equity)
        assert bool(triggered(plane)) == triggers
        assert plane.events() == (["TRS31"] if triggers else [])

    def test_is_forgiven_on_the_broker_s_next_day(self, plane: Plane, master: Master, opened: Copier) -> None:
        opened.beats("10000", broker_us=broker(plane, 3))
        plane.protect(opened.portfolio, "DAILY_LOSS", "500")
        opened.beats("9400", broker_us=broker(plane, 3))
        plane.set_clock(datetime(2026, 1, 5, 20, 59, tzinfo=UTC))
        opened.beats("9400", broker_us=broker(plane, 3))
        master.does("OPEN", 2)
        assert opened.receives() == []
        # 00:00 at the broker, three hours before UTC has it.
        plane.set_clock(datetime(2026, 1, 5, 21, 0, tzinfo=UTC))
        opened.beats("9400", broker_us=broker(plane, 3))
        assert triggered(plane) == []
        master.does("OPEN", 3)
        assert [each.position_id for each in opened.receives()] == [3]
        opened.beats("8901", broker_us=broker(plane, 3))
        assert triggered(plane) == []
        opened.beats("8900", broker_us=broker(plane, 3))
        assert triggered(plane) == [("DAILY_LOSS", 500)]

    def test_the_day_begins_with_what_was_known_last(self, plane: Plane, opened: Copier) -> None:
        """What was lost over the gap of a night, while nobody told, is a loss of the day."""
        plane.protect(opened.portfolio, "DAILY_LOSS", "500")
        opened.beats("9800")
        plane.tick(days=1)
        opened.beats("9300.01")
        assert plane.rows("select day_equity, equity from signals.equities") == [(9800, Decimal("9300.01"))]
        assert triggered(plane) == []
        opened.beats("9300")
        assert triggered(plane) == [("DAILY_LOSS", 500)]

    def test_of_the_first_day_with_what_was_told_first(self, plane: Plane, copier: Copier) -> None:
        plane.protect(copier.portfolio, "DAILY_LOSS", "500")
        copier.beats("9000")
        copier.beats("8500.01")
        assert triggered(plane) == []

    def test_a_clock_that_is_set_back_over_midnight_forgives_nothing(self, plane: Plane, opened: Copier) -> None:
        """The end of daylight saving brings the day before back for an hour."""
        plane.protect(opened.portfolio, "DAILY_LOSS", "500")
        plane.set_clock(datetime(2026, 1, 5, 21, 30, tzinfo=UTC))
        opened.beats("10000", broker_us=broker(plane, 3))
        opened.beats("9600", broker_us=broker(plane, 3))
        opened.beats("9600", broker_us=broker(plane, 2))
        opened.beats("9500", broker_us=broker(plane, 2))
        assert triggered(plane) == [("DAILY_LOSS", 500)]


class TestDrawdown:
    @pytest.mark.parametrize(
        ("threshold", "unit", "equity", "triggers"),
        [
            ("1000", "MONEY", "11000.01", False),
            ("1000", "MONEY", "11000", True),
            ("10", "PERCENT", "10800.01", False),
            ("10", "PERCENT", "10800", True),
        ],
    )
    def test_is_measured_from_the_peak(
        self, plane: Plane, opened: Copier, threshold: str, unit: str, equity: str, triggers: bool
    ) -> None:
        plane.protect(opened.portfolio, "DRAWDOWN", threshold, unit)
        opened.beats("12000")
        opened.beats(equity)
        assert bool(triggered(plane)) == triggers

    def test_lasts_over_days_until_it_is_lifted(self, plane: Plane, master: Master, opened: Copier) -> None:
        plane.protect(opened.portfolio, "DRAWDOWN", "1000")
        opened.beats("9000")
        plane.tick(days=3)
        opened.beats("12000")
        master.does("OPEN", 2)
        assert opened.receives() == []
        assert opened.reasons()[-1] == "EQUITY_PROTECTION"


class TestFloor:
    @pytest.mark.parametrize(("equity", "triggers"), [("9000.01", False), ("9000", True), ("0", True), ("-1", True)])
    def test_is_a_floor(self, plane: Plane, opened: Copier, equity: str, triggers: bool) -> None:
        plane.protect(opened.portfolio, "EQUITY_FLOOR", "9000")
        opened.beats(equity)
        assert bool(triggered(plane)) == triggers


class TestOfOneSubscription:
    def test_it_blocks_that_one_and_no_other(self, plane: Plane, master: Master) -> None:
        account = plane.account("subscriber")
        first = plane.copier(master, account=account, capital=1000)
        second = plane.copier(plane.master(), account=account)
        plane.protect(first.portfolio, "DRAWDOWN", "10", "PERCENT", "CLOSE_ONLY", first.subscription)
        first.beats("10000", subscription=first.subscription, profit="0")
        first.beats("9900", subscription=first.subscription, profit="-100")
        assert triggered(plane) == [("DRAWDOWN", 100)]
        assert plane.rows("select blocked_by is null from signals.portfolios") == [True]
        blocked = plane.rows("select subscription_id from signals.subscription_heads where blocked_by is not null")
        assert blocked == [first.subscription]
        event = plane.record("select * from signals.protection_events")
        assert (event["code"], event["subscription_id"]) == ("TRS31", first.subscription)
        assert second.subscription not in blocked

    def test_what_the_account_loses_elsewhere_is_not_its_loss(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master, capital=1000)
        plane.protect(copier.portfolio, "DRAWDOWN", "10", "PERCENT", "CLOSE_ONLY", copier.subscription)
        for equity in ("10000", "1"):
            copier.beats(equity, subscription=copier.subscription, profit="0")
        assert triggered(plane) == []

    @pytest.mark.parametrize("capital", [500, 3000])
    def test_money_that_is_given_or_taken_is_neither_profit_nor_loss(
        self, plane: Plane, master: Master, capital: int
    ) -> None:
        copier = plane.copier(master, capital=1000)
        for kind in ("DRAWDOWN", "DAILY_LOSS"):
            plane.protect(copier.portfolio, kind, "100", "MONEY", "CLOSE_ONLY", copier.subscription)
        for profit in ("20", "-30"):
            copier.beats(subscription=copier.subscription, profit=profit)
        plane.write_settings(copier.subscription, capital=capital)
        measured = "select equity, day_equity, peak_equity from signals.equities where subscription_id > 0"
        assert plane.rows(measured) == [(capital - 30, capital + 20, capital + 20)]
        copier.beats(subscription=copier.subscription, profit="-79.99")
        assert triggered(plane) == []
        copier.beats(subscription=copier.subscription, profit="-80")
        assert triggered(plane) == [("DRAWDOWN", 100), ("DAILY_LOSS", 100)]

    def test_nor_for_a_heartbeat_that_comes_at_the_same_moment(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master, capital=1000)
        plane.protect(copier.portfolio, "DRAWDOWN", "100", "MONEY", "CLOSE_ONLY", copier.subscription)
        copier.beats(subscription=copier.subscription, profit="0")
        beat = copier.beat(subscription=copier.subscription, profit="0")
        with plane.connect("ecp_operator") as changing, plane.connect("ecp_gateway") as telling:
            (pid,) = telling.execute("select pg_backend_pid()").fetchone() or (0,)
            with changing.transaction(), ThreadPoolExecutor(1) as pool:
                changing.execute("""select signals.write_settings(%s, '{"capital": 5000}')""", [copier.subscription])
                told = pool.submit(plane.note_equity, [beat], telling)
                while not told.done() and not plane.value("select cardinality(pg_blocking_pids(%s))", pid):
                    pass
                changing.execute("commit")
                assert told.result() == [None]
        assert triggered(plane) == []

    def test_openings_wait_for_its_own_equity(self, plane: Plane, master: Master) -> None:
        """What the account is worth says nothing of what the subscription lost."""
        copier = plane.copier(master, capital=1000)
        plane.protect(copier.portfolio, "DRAWDOWN", "10", "PERCENT", "CLOSE_ONLY", copier.subscription)
        copier.beats("10000")
        master.does("OPEN", 1)
        copier.receives()
        assert copier.reasons() == ["EQUITY_UNKNOWN"]


class TestActions:
    def test_notify_tells_and_stops_nothing(self, plane: Plane, master: Master, opened: Copier) -> None:
        plane.protect(opened.portfolio, "DRAWDOWN", "1000", action="NOTIFY")
        opened.beats("9000")
        opened.beats("8999")
        assert plane.events() == ["TRS31"]
        detail = plane.value("select detail from signals.protection_events")
        assert (detail["kind"], detail["action"], detail["threshold"], detail["value"], detail["equity"]) == (
            "DRAWDOWN", "NOTIFY", 1000, 1000, 9000,
        )  # fmt: skip
        master.does("OPEN", 2)
        assert len(opened.receives()) == 1

    def test_close_only_stops_what_raises_exposure_and_nothing_else(
        self, plane: Plane, master: Master, opened: Copier
    ) -> None:
        plane.protect(opened.portfolio, "DRAWDOWN", "1000")
        opened.beats("9000")
        master.does("OPEN", 2)
        master.does("PLACE", 3)
        master.does("MODIFY", 1, stop_loss="1.0")
        master.does("CLOSE", 1)
        assert [each.action for each in opened.receives()] == ["MODIFY", "CLOSE"]
        assert opened.reasons()[1:3] == ["EQUITY_PROTECTION"] * 2
        assert plane.verify() == {}

    def test_close_all_closes_at_once_in_every_subscription_of_the_account(self, plane: Plane) -> None:
        masters = [plane.master() for _ in range(2)]
        account = plane.account("subscriber")
        copiers = [plane.copier(master, account=account) for master in masters]
        for master, copier in zip(masters, copiers, strict=True):
            for position in (1, 2):
                master.does("OPEN", position)
            copier.receives()
            for delivery in (1, 2):
                copier.reports(delivery, ticket=delivery)
        first, second = copiers
        # The terminal that resumed last is the one that copies; it speaks for the account.
        second.beats("10000")
        plane.protect(first.portfolio, "DRAWDOWN", "1000", action="CLOSE_ALL")
        second.beats("9000")
        for copier in copiers:
            found = plane.deliveries([copier], after=2, resend=False)
            assert told(found) == [("CLOSE", 1), ("CLOSE", 2)]
            assert copier.reasons()[2:] == ["PROTECTED", "PROTECTED"]
        assert plane.verify() == {}

    def test_what_it_closed_is_not_opened_again_when_it_is_over(self, plane: Plane, opened: Copier) -> None:
        plane.write_settings(opened.subscription, late_join="ALL")
        protection = plane.protect(opened.portfolio, "DRAWDOWN", "1000", action="CLOSE_ALL")
        opened.beats("9000")
        opened.reports(2)
        plane.lift_protection(protection)
        assert opened.catches_up() == []
        assert plane.verify() == {}

    def test_a_close_of_it_that_failed_is_told_again(self, plane: Plane, opened: Copier) -> None:
        plane.protect(opened.portfolio, "DRAWDOWN", "1000", action="CLOSE_ALL")
        opened.beats("9000")
        opened.reports(2, "FAILED")
        assert [each.action for each in opened.catches_up()] == ["CLOSE"]
        assert opened.reasons()[-1] == "PROTECTED"

    def test_closing_all_outranks_closing_only(self, plane: Plane, opened: Copier) -> None:
        plane.protect(opened.portfolio, "DRAWDOWN", "1000")
        opened.beats("9000")
        assert opened.newest == 1
        plane.protect(opened.portfolio, "EQUITY_FLOOR", "8000", action="CLOSE_ALL")
        opened.beats("8000")
        assert opened.newest == 2

    def test_it_triggers_once(self, plane: Plane, opened: Copier) -> None:
        plane.protect(opened.portfolio, "DRAWDOWN", "1000", action="CLOSE_ALL")
        for _ in range(3):
            opened.beats("9000")
        assert plane.events() == ["TRS31"]
        assert opened.newest == 2


class TestFreshness:
    @pytest.mark.parametrize(("seconds", "reason"), [(0, "COPIED"), (60, "COPIED"), (60.000001, "EQUITY_UNKNOWN")])
    def test_new_exposure_needs_an_equity_of_the_last_minute(
        self, plane: Plane, master: Master, copier: Copier, seconds: float, reason: str
    ) -> None:
        plane.protect(copier.portfolio, "DRAWDOWN", "1000")
        copier.beats("10000")
        plane.tick(seconds=seconds)
        master.does("OPEN", 1)
        copier.receives()
        assert copier.reasons() == [reason]

    def test_where_nothing_is_protected_it_needs_none(self, plane: Plane, master: Master, copier: Copier) -> None:
        copier.beats("10000")
        plane.tick(days=1)
        master.does("OPEN", 1)
        assert len(copier.receives()) == 1

    def test_closes_need_none(self, plane: Plane, master: Master, opened: Copier) -> None:
        plane.protect(opened.portfolio, "DRAWDOWN", "1000")
        plane.tick(days=1)
        master.does("CLOSE", 1)
        assert [each.action for each in opened.receives()] == ["CLOSE"]
