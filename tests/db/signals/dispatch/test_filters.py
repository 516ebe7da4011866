"""Dispatch: which openings a follower does not want, cannot have, or would get too late."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.db.plane import Copier, Master, Plane, Specification, e8, microseconds

pytestmark = pytest.mark.core


class TestFilters:
    @pytest.mark.parametrize(
        ("settings", "signal", "reason"),
        [
            ({"symbols": ["GBPUSD"]}, {}, "SYMBOL_FILTERED"),
            ({"symbols": ["GBPUSD", "EURUSD"]}, {}, "COPIED"),
            ({"symbols": ["eurusd"]}, {}, "SYMBOL_FILTERED"),
            ({"excluded_symbols": ["EURUSD"]}, {}, "SYMBOL_FILTERED"),
            ({"excluded_symbols": ["GBPUSD"]}, {}, "COPIED"),
            ({"sides": ["SELL"]}, {}, "SIDE_FILTERED"),
            ({"sides": ["BUY"]}, {}, "COPIED"),
            # The master's side, whatever becomes of it.
            ({"sides": ["BUY"], "reverse": True}, {}, "COPIED"),
            ({"magics": [7, 8]}, {"magic": 7}, "COPIED"),
            ({"magics": [7, 8]}, {"magic": 9}, "MAGIC_FILTERED"),
            ({"magics": [7, 8]}, {}, "MAGIC_FILTERED"),
            ({"excluded_magics": [0]}, {}, "MAGIC_FILTERED"),
            ({"excluded_magics": [5]}, {"magic": -5}, "COPIED"),
        ],
    )
    @pytest.mark.parametrize("action", ["OPEN", "PLACE"])
    def test_openings_pass_or_do_not(
        self, plane: Plane, master: Master, action: str, settings: dict[str, Any], signal: dict[str, Any], reason: str
    ) -> None:
        copier = plane.copier(master, **settings)
        master.does(action, 1, **signal)
        assert len(copier.receives()) == (reason == "COPIED")
        assert copier.reasons() == [reason]

    def test_nothing_is_filtered_of_what_is_open(self, plane: Plane, master: Master, copier: Copier) -> None:
        master.does("OPEN", 1)
        copier.receives()
        plane.news(plane.now)
        plane.write_settings(
            copier.subscription, symbols=["GBPUSD"], sides=["SELL"], magics=[9], hours=["Sun 00:00-00:01"],
            news_before="1 hour", news_after="1 hour", trades_per_day=1,
        )  # fmt: skip
        for action in ("MODIFY", "PARTIAL_CLOSE", "CLOSE"):
            master.does(action, 1, volume="0.05")
        assert [each.action for each in copier.receives()] == ["MODIFY", "PARTIAL_CLOSE", "CLOSE"]

    @pytest.mark.parametrize(
        ("at", "zone", "hours", "passes"),
        [
            # A Monday.
            ("2026-01-05T07:59:59.999", "UTC", ["Mon-Fri 08:00-17:30"], False),
            ("2026-01-05T08:00", "UTC", ["Mon-Fri 08:00-17:30"], True),
            ("2026-01-05T17:29:59", "UTC", ["Mon-Fri 08:00-17:30"], True),
            ("2026-01-05T17:30", "UTC", ["Mon-Fri 08:00-17:30"], False),
            ("2026-01-10T12:00", "UTC", ["Mon-Fri 08:00-17:30"], False),
            ("2026-01-11T22:30", "UTC", ["Mon-Fri 08:00-17:30", "Sun 22:00-24:00"], True),
            # New York is five hours behind in winter, four in summer.
            ("2026-01-05T13:30", "America/New_York", ["Mon 08:30-09:00"], True),
            ("2026-07-06T13:30", "America/New_York", ["Mon 08:30-09:00"], False),
            ("2026-07-06T12:30", "America/New_York", ["Mon 08:30-09:00"], True),
            # On Sunday evening it is Monday in Sydney.
            ("2026-01-04T22:00", "Australia/Sydney", ["Mon 09:00-10:00"], True),
        ],
    )
    def test_openings_keep_to_hours(
        self, plane: Plane, master: Master, at: str, zone: str, hours: list[str], passes: bool
    ) -> None:
        plane.set_clock(datetime.fromisoformat(at).replace(tzinfo=UTC))
        copier = plane.copier(master, hours=hours, zone=zone)
        master.does("OPEN", 1)
        copier.receives()
        assert copier.reasons() == ["COPIED" if passes else "OUT_OF_HOURS"]

    @pytest.mark.parametrize(("hours_ahead", "passes"), [(2, False), (3, True), (-5, False)])
    def test_of_the_broker_if_that_is_said(self, plane: Plane, master: Master, hours_ahead: int, passes: bool) -> None:
        copier = plane.copier(master, hours=["Mon 15:00-16:00"], zone="BROKER")
        copier.beats(broker_us=microseconds(plane.now + timedelta(hours=hours_ahead)))
        master.does("OPEN", 1)
        copier.receives()
        assert copier.reasons() == ["COPIED" if passes else "OUT_OF_HOURS"]

    @pytest.mark.parametrize(
        ("minutes", "currency", "impact", "reason"),
        [
            (0, "EUR", "HIGH", "NEWS_WINDOW"),
            (0, "USD", "HIGH", "NEWS_WINDOW"),
            (0, "JPY", "HIGH", "COPIED"),
            (0, "EUR", "MEDIUM", "COPIED"),
            (30, "EUR", "HIGH", "NEWS_WINDOW"),
            (30.001, "EUR", "HIGH", "COPIED"),
            (-10, "EUR", "HIGH", "NEWS_WINDOW"),
            (-10.001, "EUR", "HIGH", "COPIED"),
        ],
    )
    def test_openings_wait_for_the_news_of_their_currencies(
        self, plane: Plane, master: Master, minutes: float, currency: str, impact: str, reason: str
    ) -> None:
        copier = plane.copier(master, news_before="30 minutes", news_after="10 minutes")
        plane.news(plane.now + timedelta(minutes=minutes), currency, impact)
        master.does("OPEN", 1)
        copier.receives()
        assert copier.reasons() == [reason]

    @pytest.mark.parametrize(
        ("least", "reason"), [("LOW", "NEWS_WINDOW"), ("MEDIUM", "NEWS_WINDOW"), ("HIGH", "COPIED")]
    )
    def test_of_as_much_impact_as_is_asked(self, plane: Plane, master: Master, least: str, reason: str) -> None:
        copier = plane.copier(master, news_before="1 hour", news_after="0", news_impact=least)
        plane.news(plane.now, impact="MEDIUM")
        master.does("OPEN", 1)
        copier.receives()
        assert copier.reasons() == [reason]

    @pytest.mark.parametrize("together", [False, True])
    def test_trades_of_a_day_are_counted_over_batches_and_in_them(
        self, plane: Plane, master: Master, together: bool
    ) -> None:
        copier = plane.copier(master, trades_per_day=2, multiplier="0.1")
        for position, volume in enumerate(("0.10", "0.05", "0.10", "0.10"), start=1):
            master.does("OPEN", position, volume=volume)
            master.does("CLOSE", position)
            if not together:
                copier.receives()
        copier.receives()
        assert copier.reasons()[::2] == ["COPIED", "BELOW_MINIMUM", "COPIED", "TRADES_PER_DAY"]
        assert plane.verify() == {}

    def test_the_day_is_that_of_its_zone(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master, trades_per_day=1, zone="Asia/Tokyo")
        for position, hours in enumerate((0, 2, 1), start=1):  # 21:00, 23:00, 00:00 in Tokyo
            plane.tick(hours=hours)
            master.does("OPEN", position)
            copier.receives()
        assert copier.reasons() == ["COPIED", "TRADES_PER_DAY", "COPIED"]


class TestSymbols:
    @pytest.mark.parametrize(
        ("offered", "copied", "reason"),
        [
            (["EURUSD.m"], "EURUSD.m", "COPIED"),
            (["eurusd_i"], "eurusd_i", "COPIED"),
            (["EURUSD"], "EURUSD", "COPIED"),
            (["EURUSD", "EURUSD.m"], None, "AMBIGUOUS_SYMBOL"),
            (["GBPUSD"], None, "UNKNOWN_SYMBOL"),
            ([], "EURUSD", "COPIED"),
        ],
    )
    def test_a_symbol_is_called_what_the_broker_calls_it(
        self, plane: Plane, master: Master, copier: Copier, offered: list[str], copied: str | None, reason: str
    ) -> None:
        if offered:
            copier.uploads(*offered)
        master.does("OPEN", 1)
        assert [each.symbol for each in copier.receives()] == ([copied] if copied else [])
        assert copier.reasons() == [reason]
        assert plane.verify() == {}

    def test_what_is_ambiguous_is_copied_once_it_is_mapped(self, plane: Plane, master: Master, copier: Copier) -> None:
        copier.uploads("EURUSD", "EURUSD.m")
        plane.map_symbol(copier.portfolio, "EURUSD", "EURUSD.m")
        master.does("OPEN", 1)
        master.does("CLOSE", 1)
        assert [each.symbol for each in copier.receives()] == ["EURUSD.m", "EURUSD.m"]

    @pytest.mark.parametrize(
        ("mode", "side", "reverse", "passes"),
        [
            ("FULL", "BUY", False, True),
            ("LONG_ONLY", "BUY", False, True),
            ("LONG_ONLY", "SELL", False, False),
            ("LONG_ONLY", "SELL", True, True),
            ("SHORT_ONLY", "BUY", False, False),
            ("CLOSE_ONLY", "BUY", False, False),
            ("DISABLED", "SELL", False, False),
        ],
    )
    def test_what_the_broker_does_not_trade_is_not_opened_and_still_closed(
        self, plane: Plane, master: Master, mode: str, side: str, reverse: bool, passes: bool
    ) -> None:
        copier = plane.copier(master, reverse=reverse)
        master.does("OPEN", 1, side=side)
        copier.receives()
        copier.uploads(Specification("EURUSD", trade_mode=mode))
        master.does("OPEN", 2, side=side)
        master.does("CLOSE", 1)
        assert [each.action for each in copier.receives()] == (["OPEN", "CLOSE"] if passes else ["CLOSE"])
        assert copier.reasons()[1] == ("COPIED" if passes else "SYMBOL_NOT_TRADED")

    def test_the_deviation_is_in_the_broker_s_points(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master, max_deviation_points=15)
        copier.uploads(Specification("EURUSD", digits=4))
        master.does("OPEN", 1)
        assert [each.max_deviation_e8 for each in copier.receives()] == [e8("0.0015")]


class TestTime:
    @pytest.mark.parametrize(("late_us", "reason"), [(0, "COPIED"), (1, "TTL_EXPIRED"), (1000, "TTL_EXPIRED")])
    @pytest.mark.parametrize("action", ["OPEN", "PLACE"])
    def test_ttl_is_judged_again_when_it_is_decided(
        self, plane: Plane, master: Master, action: str, late_us: int, reason: str
    ) -> None:
        copier = plane.copier(master, ttl="300 ms")
        master.does(action)
        plane.tick(milliseconds=300, microseconds=late_us)
        copier.receives()
        assert copier.reasons() == [reason]

    @pytest.mark.parametrize("action", ["CLOSE", "PARTIAL_CLOSE", "MODIFY", "CANCEL", "AMEND"])
    def test_nothing_else_is_ever_too_old(self, plane: Plane, master: Master, copier: Copier, action: str) -> None:
        master.does("OPEN", 1)
        copier.receives()
        master.does(action, 1, volume="0.05")
        plane.tick(days=365)
        (delivery,) = copier.receives()
        assert (delivery.action, delivery.gap_fill, delivery.expires_at_us) == (action, False, 0)
