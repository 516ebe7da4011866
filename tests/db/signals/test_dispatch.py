"""Dispatch: a decision for every subscription and signal, with the numbers behind it; deliveries that count by one."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.db.plane import Copier, Delivery, Master, Plane, Position, Specification, e8, microseconds, run_together

pytestmark = pytest.mark.core

PAUSES = {
    "PAUSED_BY_USER": ["user_pause"],
    "DEGRADED_GAP": ["gap"],
    "LOCKED_NO_FUNDS": ["no_funds"],
    "PAUSED_TOXIC": ["toxic"],
}


def volumes(deliveries: list[Delivery]) -> list[tuple[str, int]]:
    return [(each.action, each.volume_e8) for each in deliveries]


class TestWhatIsDelivered:
    def test_an_opening_reaches_the_copier_whole(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master, multiplier="0.5", max_deviation_points=20, ttl="400 ms")
        master.does("OPEN", 77, volume="0.30", price="1.07219", stop_loss="1.069", take_profit="1.079", magic=-3)
        sent = microseconds(plane.now)
        assert copier.receives() == [
            Delivery(
                copier.subscription, 1, master.stream, 1, 1, False, False, "OPEN", "EURUSD", "BUY", 77,
                15_000_000, 107_219_000, 106_900_000, 107_900_000, 20_000, sent, sent + 400_000, -3, "MARKET",
                copier.session, 0, 0, 0,
            )
        ]  # fmt: skip

    def test_a_halt_stops_what_was_accepted_before_it(self, plane: Plane, master: Master, copier: Copier) -> None:
        master.does("OPEN", 1)
        copier.receives()
        master.does("CLOSE", 1)
        master.does("OPEN", 2)
        plane.halt(None)
        assert [(each.action, each.position_id) for each in copier.receives()] == [("CLOSE", 1)]
        reasons = plane.rows("select reason from signals.decisions order by seq")
        assert reasons == ["COPIED", "COPIED", "HALTED"]

    def test_stops_orders_and_closes_follow(self, master: Master, copier: Copier) -> None:
        master.does("PLACE", 5, order_type="STOP_LIMIT", side="SELL")
        master.does("AMEND", 5, price="1.2", stop_loss="1.3")
        master.does("MODIFY", 5, stop_loss="1.25", take_profit="1.0")
        master.does("CANCEL", 5)
        got = copier.receives()
        assert [each.action for each in got] == ["PLACE", "AMEND", "MODIFY", "CANCEL"]
        assert [each.delivery_seq for each in got] == [1, 2, 3, 4]
        assert (got[0].order_type, got[1].price_e8, got[2].stop_loss_e8) == ("STOP_LIMIT", 120_000_000, 125_000_000)
        assert {each.side for each in got} == {"SELL"}
        assert [each.expires_at_us == 0 for each in got] == [False, True, True, True]

    def test_what_manages_a_copy_speaks_of_the_copy_s_symbol_and_side(self, master: Master, copier: Copier) -> None:
        master.does("OPEN", 1, side="SELL")
        copier.receives()
        master.does("CLOSE", 1, symbol="NOWHERE", side=None, price=0, volume=0)
        (close,) = copier.receives()
        assert (close.symbol, close.side, close.volume_e8, close.price_e8) == ("EURUSD", "SELL", 0, 0)

    def test_refused_signals_are_not_dispatched_and_leave_no_hole(self, master: Master, copier: Copier) -> None:
        master.does("OPEN")
        master.does("OPEN", volume=0)
        master.does("OPEN")
        assert [(each.seq, each.delivery_seq) for each in copier.receives()] == [(1, 1), (3, 2)]

    def test_a_snapshot_is_recorded_and_not_traded(self, master: Master, copier: Copier) -> None:
        master.does("SNAPSHOT", book="[]", position=None)
        assert copier.receives() == []
        assert copier.reasons() == ["SNAPSHOT_RECORDED"]

    def test_every_follower_has_its_own_decision_and_count(self, plane: Plane, master: Master) -> None:
        copiers = [plane.copier(master, lane=2, multiplier=multiplier) for multiplier in ("1", "0.01", "2")]
        for _ in range(2):
            master.does("OPEN")
        got = plane.pump(2)
        assert [(each.subscription_id, each.delivery_seq, each.volume_e8) for each in got] == [
            (copiers[0].subscription, 1, 10_000_000),
            (copiers[0].subscription, 2, 10_000_000),
            (copiers[2].subscription, 1, 20_000_000),
            (copiers[2].subscription, 2, 20_000_000),
        ]
        assert copiers[1].reasons() == ["BELOW_MINIMUM"] * 2

    def test_streams_of_a_lane_are_dispatched_together(self, plane: Plane) -> None:
        masters = [plane.master(lane=1), plane.master(lane=1)]
        account = plane.account("subscriber", lane=3)
        copiers = [plane.copier(master, account=account) for master in masters]
        for master in masters:
            master.does("OPEN", 1)
        assert {each.subscription_id: each.stream_id for each in plane.pump(3)} == {
            copier.subscription: master.stream for copier, master in zip(copiers, masters, strict=True)
        }

    def test_digits_and_points_make_the_deviation(self, plane: Plane, master: Master) -> None:
        plane.define(master.stream, "USDJPY", digits=3)
        copier = plane.copier(master, max_deviation_points=15)
        master.does("OPEN", symbol="USDJPY", price="151.250")
        master.does("CLOSE", 1)
        opening, close = copier.receives()
        assert (opening.max_deviation_e8, close.max_deviation_e8) == (1_500_000, 0)


class TestSizing:
    @pytest.mark.parametrize(
        ("settings", "master_volume", "copied"),
        [
            ({}, "0.10", "0.10"),
            ({"multiplier": "2"}, "0.10", "0.20"),
            ({"multiplier": "0.333"}, "0.10", "0.03"),
            ({"multiplier": "0.999999"}, "0.10", "0.09"),
            ({"multiplier": "1000"}, "0.10", "100"),
            ({"multiplier": "1000", "volume_max": "2.5"}, "0.10", "2.5"),
            ({"multiplier": "1", "volume_step": "0.1", "volume_min": "0.1"}, "0.19", "0.1"),
            ({"multiplier": "1", "volume_step": "0.03", "volume_min": "0.03", "volume_max": "99"}, "0.10", "0.09"),
            ({"multiplier": "0.1"}, "0.10", "0.01"),
            ({"multiplier": "0.0999"}, "0.10", None),
            ({"multiplier": "0.5", "volume_min": "0.06"}, "0.10", None),
            ({"multiplier": "0.6", "volume_min": "0.06"}, "0.10", "0.06"),
            ({"multiplier": "0.001", "volume_step": "0.00000001", "volume_min": "0.00000001"}, "0.01", "0.00001"),
        ],
    )
    def test_a_lot_is_multiplied_stepped_down_and_capped(
        self, plane: Plane, master: Master, settings: dict[str, Any], master_volume: str, copied: str | None
    ) -> None:
        copier = plane.copier(master, **settings)
        master.does("OPEN", volume=master_volume)
        assert [each.volume_e8 for each in copier.receives()] == ([] if copied is None else [e8(copied)])
        assert copier.reasons() == ["BELOW_MINIMUM" if copied is None else "COPIED"]
        assert plane.verify() == {}

    def test_a_product_that_is_just_under_a_step_is_not_rounded_up_to_it(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master, multiplier="0." + "9" * 40, volume_step="0.03", volume_min="0.03", volume_max="3")
        master.does("OPEN", volume="0.09")
        assert [each.volume_e8 for each in copier.receives()] == [e8("0.06")]
        assert plane.verify() == {}

    def test_the_decision_keeps_the_numbers_behind_the_lot(self, plane: Plane, master: Master) -> None:
        plane.copier(master, multiplier="0.25", volume_max="5", lane=4)
        signal = master.signal("OPEN", volume="0.37")
        plane.tick(milliseconds=120)
        master.send(signal)
        plane.pump(4)
        inputs = plane.value("select inputs from signals.decisions")
        numbers = {name: Decimal(str(value)) for name, value in inputs.items() if name != "mode"}
        assert inputs["mode"] == "MULTIPLIER"
        assert numbers == {
            "master_volume": Decimal("0.37"), "multiplier": Decimal("0.25"), "numerator": Decimal("0.0925"),
            "denominator": Decimal(1), "step": Decimal("0.01"), "minimum": Decimal("0.01"), "maximum": Decimal(5),
            "age_ms": Decimal(120),
        }  # fmt: skip

    def test_a_decision_names_the_settings_it_was_made_with(self, plane: Plane, master: Master, copier: Copier) -> None:
        master.does("OPEN")
        copier.receives()
        plane.operator.execute("""select signals.write_settings(%s, '{"multiplier": 3}')""", [copier.subscription])
        master.does("OPEN")
        assert [each.volume_e8 for each in copier.receives()] == [30_000_000]
        assert plane.rows("select settings_version, volume::float from signals.decisions order by seq") == [
            (1, 0.1),
            (2, 0.3),
        ]


class TestSizingModes:
    """Each with its formula; lots are cut down to the step."""

    @pytest.fixture
    def money(self) -> dict[str, str]:
        """Of the master's account."""
        return {"balance": "20000", "equity": "25000"}

    @pytest.mark.parametrize(
        ("settings", "copied"),
        [
            ({"sizing": "SAME"}, "0.40"),
            ({"sizing": "SAME", "multiplier": "3"}, "0.40"),
            ({"sizing": "FIXED", "fixed_volume": "0.25"}, "0.25"),
            ({"sizing": "FIXED", "fixed_volume": "0.255"}, "0.25"),
            ({"sizing": "MULTIPLIER", "multiplier": "0.7"}, "0.28"),
            # 0.40 x 5000 / 20000, then x 4000 / 25000
            ({"sizing": "BALANCE_RATIO"}, "0.10"),
            ({"sizing": "BALANCE_RATIO", "multiplier": "3"}, "0.30"),
            ({"sizing": "EQUITY_RATIO"}, "0.06"),
            ({"sizing": "EQUITY_RATIO", "multiplier": "2"}, "0.12"),
            # 4000 x 1 % = 40; 50 pips lose 500 a lot
            ({"sizing": "RISK", "risk_percent": "1"}, "0.08"),
            ({"sizing": "RISK", "risk_percent": "2.5"}, "0.20"),
        ],
    )
    def test_a_lot_is_what_its_formula_says(
        self, plane: Plane, master: Master, money: dict[str, str], settings: dict[str, Any], copied: str
    ) -> None:
        copier = plane.copier(master, **settings)
        copier.uploads("EURUSD")
        copier.beats("4000", balance="5000")
        master.does("OPEN", 1, volume="0.40", price="1.10000", stop_loss="1.09500", **money)
        assert [each.volume_e8 for each in copier.receives()] == [e8(copied)]
        assert plane.verify() == {}

    def test_a_quotient_that_is_a_lot_is_not_rounded_below_it(self, plane: Plane, master: Master) -> None:
        """0.3 x 1000 / 3000: as decimals 0.0999…, as a fraction 0.1."""
        copier = plane.copier(master, sizing="BALANCE_RATIO")
        copier.beats(balance="1000")
        master.does("OPEN", 1, volume="0.30", balance="3000")
        assert [each.volume_e8 for each in copier.receives()] == [e8("0.10")]

    @pytest.mark.parametrize("sizing", ["BALANCE_RATIO", "EQUITY_RATIO"])
    def test_a_ratio_needs_both_accounts(self, plane: Plane, master: Master, sizing: str) -> None:
        copier = plane.copier(master, sizing=sizing)
        master.does("OPEN", 1, balance="1", equity="1")
        copier.receives()
        copier.beats()
        master.does("OPEN", 2)
        copier.receives()
        assert copier.reasons() == ["NO_BALANCE", "NO_BALANCE"]
        assert [copier.status(position) for position in (1, 2)] == ["MISSED", "MISSED"]

    @pytest.mark.parametrize("below", ["SKIP", "ROUND_UP"])
    @pytest.mark.parametrize("equity", ["0", "-100"])
    def test_who_has_nothing_opens_nothing(self, plane: Plane, master: Master, below: str, equity: str) -> None:
        copier = plane.copier(master, sizing="EQUITY_RATIO", below_minimum=below)
        copier.beats(equity)
        master.does("OPEN", 1, equity="1000")
        assert copier.receives() == []

    def test_a_risk_needs_a_stop(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master, sizing="RISK", risk_percent=1)
        copier.uploads("EURUSD")
        copier.beats()
        master.does("OPEN", 1)
        master.does("OPEN", 2, price="1.1", stop_loss="1.1")
        copier.receives()
        assert copier.reasons() == ["NO_STOP", "NO_STOP"]

    def test_and_what_a_tick_is_worth(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master, sizing="RISK", risk_percent=1)
        copier.beats()
        master.does("OPEN", 1, stop_loss="1.09")
        copier.uploads(Specification("EURUSD", tick_value=0))
        master.does("OPEN", 2, stop_loss="1.09")
        copier.receives()
        assert copier.reasons() == ["NO_SPECIFICATION", "NO_SPECIFICATION"]

    def test_reversed_the_risk_is_to_its_own_stop(self, plane: Plane, master: Master) -> None:
        """The master's take profit, 100 pips away: 10000 x 1 % = 100 over 1000 a lot."""
        copier = plane.copier(master, sizing="RISK", risk_percent=1, reverse=True)
        copier.uploads("EURUSD")
        copier.beats("10000")
        master.does("OPEN", 1, price="1.10000", stop_loss="1.09500", take_profit="1.11000")
        (opening,) = copier.receives()
        assert (opening.stop_loss_e8, opening.volume_e8) == (e8("1.11"), e8("0.10"))
        master.does("OPEN", 2, price="1.10000", stop_loss="1.09500")
        copier.receives()
        assert copier.reasons() == ["COPIED", "NO_STOP"]
        assert plane.verify() == {}

    @pytest.mark.parametrize(
        ("settings", "own", "copied"),
        [
            ({"sizing": "SAME"}, "10000", "4.00"),
            ({"sizing": "MULTIPLIER", "multiplier": "0.5"}, "10000", "2.00"),
            ({"sizing": "SAME"}, "300000", "0.13"),
            ({"sizing": "SAME"}, "100000", "0.40"),
        ],
    )
    def test_aligned_it_is_the_same_amount_of_the_underlying(
        self, plane: Plane, master: Master, settings: dict[str, Any], own: str, copied: str
    ) -> None:
        copier = plane.copier(master, align_contract_size=True, **settings)
        copier.uploads(Specification("EURUSD", contract_size=own))
        master.does("OPEN", 1, volume="0.40")
        assert [each.volume_e8 for each in copier.receives()] == [e8(copied)]
        assert plane.verify() == {}


class TestLimits:
    @pytest.mark.parametrize(
        ("settings", "master_volume", "copied", "reason"),
        [
            ({"volume_min": "0.10"}, "0.05", None, "BELOW_MINIMUM"),
            ({"volume_min": "0.10", "below_minimum": "ROUND_UP"}, "0.05", "0.10", "COPIED"),
            ({"volume_max": "0.10"}, "0.25", "0.10", "COPIED"),
            ({"volume_max": "0.10", "above_maximum": "SKIP"}, "0.25", None, "ABOVE_MAXIMUM"),
            ({"volume_max": "0.10", "above_maximum": "SKIP"}, "0.10", "0.10", "COPIED"),
        ],
    )
    def test_what_is_outside_is_skipped_rounded_up_or_capped(
        self,
        plane: Plane,
        master: Master,
        settings: dict[str, Any],
        master_volume: str,
        copied: str | None,
        reason: str,
    ) -> None:
        copier = plane.copier(master, **settings)
        master.does("OPEN", 1, volume=master_volume)
        assert [each.volume_e8 for each in copier.receives()] == ([e8(copied)] if copied else [])
        assert copier.reasons() == [reason]
        assert plane.verify() == {}

    @pytest.mark.parametrize(
        ("own", "broker", "master_volume", "copied"),
        [
            # Both minima, both maxima; a step that is on both.
            ({}, {"volume_min": "0.10", "volume_step": "0.10"}, "0.25", "0.20"),
            ({}, {"volume_min": "0.10", "volume_step": "0.10"}, "0.09", None),
            ({"below_minimum": "ROUND_UP"}, {"volume_min": "0.10", "volume_step": "0.10"}, "0.09", "0.10"),
            ({"volume_min": "0.05"}, {"volume_min": "0.01"}, "0.04", None),
            ({"volume_max": "20"}, {"volume_max": "5"}, "9", "5"),
            ({"volume_max": "2"}, {"volume_max": "5"}, "9", "2"),
            ({"volume_step": "0.02", "volume_min": "0.02"}, {"volume_step": "0.03"}, "0.17", "0.12"),
            ({"volume_min": "0.05", "below_minimum": "ROUND_UP"}, {"volume_step": "0.02"}, "0.01", "0.06"),
            ({"volume_max": "0.05"}, {"volume_step": "0.02"}, "1", "0.04"),
            ({"volume_max": "0.05"}, {"volume_min": "1", "volume_step": "1"}, "2", None),
        ],
    )
    def test_its_own_and_the_broker_s_hold_both(
        self,
        plane: Plane,
        master: Master,
        own: dict[str, Any],
        broker: dict[str, Any],
        master_volume: str,
        copied: str | None,
    ) -> None:
        copier = plane.copier(master, **own)
        copier.uploads(Specification("EURUSD", **broker))
        master.does("OPEN", 1, volume=master_volume)
        assert [each.volume_e8 for each in copier.receives()] == ([e8(copied)] if copied else [])
        assert copier.reasons() == ["COPIED" if copied else "BELOW_MINIMUM"]
        assert plane.verify() == {}

    def test_what_remains_of_a_partial_close_is_on_the_broker_s_step(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master)
        copier.uploads(Specification("EURUSD", volume_step="0.10", volume_min="0.10"))
        master.does("OPEN", 1, volume="1.00")
        master.does("PARTIAL_CLOSE", 1, volume="0.55", symbol=None)
        master.does("PARTIAL_CLOSE", 1, volume="0.09")
        assert volumes(copier.receives()) == [
            ("OPEN", e8("1.00")), ("PARTIAL_CLOSE", e8("0.50")), ("CLOSE", 0),
        ]  # fmt: skip


class TestReverse:
    @pytest.mark.parametrize(
        ("action", "order_type", "side", "expected"),
        [
            ("OPEN", "MARKET", "BUY", ("MARKET", "SELL")),
            ("OPEN", "MARKET", "SELL", ("MARKET", "BUY")),
            ("PLACE", "LIMIT", "BUY", ("STOP", "SELL")),
            ("PLACE", "STOP", "SELL", ("LIMIT", "BUY")),
        ],
    )
    def test_side_order_and_stops_turn_round(
        self, plane: Plane, master: Master, action: str, order_type: str, side: str, expected: tuple[str, str]
    ) -> None:
        copier = plane.copier(master, reverse=True)
        master.does(action, 1, order_type=order_type, side=side, price="1.1", stop_loss="1.05", take_profit="1.2")
        (got,) = copier.receives()
        assert (got.order_type, got.side) == expected
        assert (got.stop_loss_e8, got.take_profit_e8, got.price_e8) == (e8("1.2"), e8("1.05"), e8("1.1"))

    def test_what_cannot_be_turned_round_is_not_copied(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master, reverse=True)
        master.does("PLACE", 1, order_type="STOP_LIMIT")
        assert copier.receives() == []
        assert copier.reasons() == ["REVERSE_UNSUPPORTED"]

    @pytest.mark.parametrize("action", ["MODIFY", "AMEND"])
    @pytest.mark.parametrize("together", [False, True])
    def test_changes_of_stops_turn_round_too(self, plane: Plane, master: Master, action: str, together: bool) -> None:
        copier = plane.copier(master, reverse=True)
        master.does("PLACE", 1)
        if not together:
            copier.receives()
        master.does(action, 1, stop_loss="1.06", take_profit="1.21")
        got = copier.receives()[-1]
        assert (got.action, got.stop_loss_e8, got.take_profit_e8) == (action, e8("1.21"), e8("1.06"))

    def test_a_copy_stays_what_it_was_when_the_setting_changes(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master, reverse=True)
        master.does("OPEN", 1)
        copier.receives()
        plane.write_settings(copier.subscription, reverse=False)
        master.does("MODIFY", 1, stop_loss="1.06", take_profit="1.21")
        master.does("OPEN", 2)
        got = copier.receives()
        assert [(each.action, each.side) for each in got] == [("MODIFY", "SELL"), ("OPEN", "BUY")]
        assert got[0].stop_loss_e8 == e8("1.21")


class TestStops:
    def test_who_wants_none_gets_none(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master, copy_stops=False)
        master.does("PLACE", 1, stop_loss="1.05", take_profit="1.2")
        master.does("MODIFY", 1, stop_loss="1.06")
        master.does("AMEND", 1, price="1.08", stop_loss="1.07", take_profit="1.3")
        got = copier.receives()
        assert [each.action for each in got] == ["PLACE", "AMEND"]
        assert [(each.stop_loss_e8, each.take_profit_e8) for each in got] == [(0, 0), (0, 0)]
        assert got[1].price_e8 == e8("1.08")
        assert plane.verify() == {}

    def test_a_stop_that_the_master_takes_back_is_taken_back(self, master: Master, copier: Copier) -> None:
        master.does("OPEN", 1, stop_loss="1.05")
        copier.receives()
        copier.reports(1)
        master.does("MODIFY", 1, stop_loss=0)
        assert [each.stop_loss_e8 for each in copier.receives()] == [0]
        copier.reports(2)
        assert copier.catches_up() == []


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


class TestPending:
    def test_an_order_that_was_filled_is_not_opened_again(self, plane: Plane, master: Master, copier: Copier) -> None:
        master.does("PLACE", 1)
        master.does("OPEN", 1)
        master.does("CLOSE", 1)
        assert [each.action for each in copier.receives()] == ["PLACE", "CLOSE"]
        assert copier.reasons() == ["COPIED", "ALREADY_COPIED", "COPIED"]
        assert plane.verify() == {}

    def test_one_that_was_missed_is_opened_when_it_is_filled(
        self, plane: Plane, master: Master, copier: Copier
    ) -> None:
        master.does("PLACE", 1)
        plane.tick(seconds=2)
        copier.receives()
        master.does("OPEN", 1)
        assert [each.action for each in copier.receives()] == ["OPEN"]
        assert copier.reasons() == ["TTL_EXPIRED", "COPIED"]
        assert plane.verify() == {}


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


class TestStates:
    @pytest.mark.parametrize("state", PAUSES)
    def test_every_state_but_synced_stops_new_exposure_and_nothing_else(
        self, plane: Plane, master: Master, copier: Copier, state: str
    ) -> None:
        master.does("OPEN", 1)
        copier.receives()
        for cause in PAUSES[state]:
            plane.transition(copier.subscription, cause)
        master.does("OPEN", 2)
        master.does("PLACE", 3)
        master.does("MODIFY", 1, stop_loss="1.0")
        master.does("PARTIAL_CLOSE", 1, volume="0.05")
        master.does("CLOSE", 2)
        master.does("CLOSE", 1)
        assert [(each.action, each.position_id) for each in copier.receives()] == [
            ("MODIFY", 1),
            ("PARTIAL_CLOSE", 1),
            ("CLOSE", 1),
        ]
        assert copier.reasons() == ["COPIED", state, state, "COPIED", "COPIED", "NOT_COPIED", "COPIED"]

    def test_a_subscription_that_ended_still_gets_its_closes(
        self, plane: Plane, master: Master, copier: Copier
    ) -> None:
        master.does("OPEN", 1)
        copier.receives()
        plane.transition(copier.subscription, "end")
        plane.tick(seconds=1)
        master.does("OPEN", 2)
        master.does("CLOSE", 2)
        master.does("MODIFY", 1)
        master.does("CLOSE", 1)
        assert [(each.action, each.position_id) for each in copier.receives()] == [("MODIFY", 1), ("CLOSE", 1)]
        assert copier.reasons() == ["COPIED", "COPIED", "COPIED"]
        assert plane.verify() == {}

    def test_what_arrived_before_the_end_is_answered_for_even_when_decided_after_it(
        self, plane: Plane, master: Master, copier: Copier
    ) -> None:
        master.does("OPEN", 1)
        master.does("CLOSE", 1)
        plane.tick(milliseconds=1)
        plane.transition(copier.subscription, "end")
        assert copier.receives() == []
        assert copier.reasons() == ["ENDED", "NOT_COPIED"]
        assert plane.verify() == {}

    def test_a_subscription_begins_after_the_newest_signal(self, plane: Plane, master: Master) -> None:
        master.does("OPEN", 1)
        late = plane.copier(master)
        master.does("CLOSE", 1)
        master.does("OPEN", 2)
        assert [(each.action, each.seq) for each in late.receives()] == [("OPEN", 3)]
        assert late.reasons() == ["NOT_COPIED", "COPIED"]

    def test_a_second_subscription_of_a_lane_does_not_get_what_the_first_was_owed(
        self, plane: Plane, master: Master
    ) -> None:
        first = plane.copier(master, lane=2)
        master.does("OPEN", 1)
        second = plane.copier(master, lane=2)
        master.does("OPEN", 2)
        got = plane.pump(2)
        assert [(each.subscription_id, each.seq) for each in got] == [
            (first.subscription, 1),
            (first.subscription, 2),
            (second.subscription, 2),
        ]

    def test_a_new_epoch_goes_on_where_the_old_one_ended(self, master: Master, copier: Copier) -> None:
        master.does("OPEN", 1)
        master.resync(2)
        master.does("CLOSE", 1)
        assert [(each.epoch, each.seq, each.delivery_seq) for each in copier.receives()] == [(1, 1, 1), (2, 1, 2)]


class TestPositions:
    @pytest.mark.parametrize("action", ["MODIFY", "AMEND", "CLOSE", "PARTIAL_CLOSE", "CANCEL"])
    def test_what_was_never_opened_is_not_managed(self, master: Master, copier: Copier, action: str) -> None:
        master.does(action, 9, volume="0.05")
        assert copier.receives() == []
        assert copier.reasons() == ["NOT_COPIED"]

    @pytest.mark.parametrize("together", [False, True])
    @pytest.mark.parametrize("second", ["OPEN", "PLACE"])
    def test_a_position_is_opened_once(self, master: Master, copier: Copier, together: bool, second: str) -> None:
        master.does("OPEN", 1)
        if not together:
            copier.receives()
        master.does(second, 1)
        copier.receives()
        assert copier.reasons() == ["COPIED", "ALREADY_COPIED"]

    @pytest.mark.parametrize("together", [False, True])
    def test_an_opening_that_was_too_small_does_not_take_the_position(
        self, plane: Plane, master: Master, together: bool
    ) -> None:
        copier = plane.copier(master, multiplier="0.1")
        for volume in ("0.05", "0.20", "0.30"):
            master.does("OPEN", 1, volume=volume)
            if not together:
                copier.receives()
        copier.receives()
        assert copier.reasons() == ["BELOW_MINIMUM", "COPIED", "ALREADY_COPIED"]
        assert copier.copy()["opened_volume"] == Decimal("0.02")

    def test_a_copy_that_the_guard_refused_is_not_managed(self, master: Master, copier: Copier) -> None:
        master.does("OPEN", 1)
        (opening,) = copier.receives()
        copier.reports(opening.delivery_seq, "REJECTED", code="TRG02")
        master.does("MODIFY", 1)
        master.does("CLOSE", 1)
        assert copier.receives() == []
        assert copier.reasons() == ["COPIED", "NOT_COPIED", "NOT_COPIED"]

    def test_a_copy_that_is_closed_is_not_closed_again_and_one_that_is_closing_is(
        self, master: Master, copier: Copier
    ) -> None:
        master.does("OPEN", 1)
        master.does("CLOSE", 1)
        opening, close = copier.receives()
        copier.reports(opening.delivery_seq)
        master.does("CLOSE", 1)
        assert [each.action for each in copier.receives()] == ["CLOSE"]
        copier.reports(close.delivery_seq)
        master.does("CLOSE", 1)
        assert copier.receives() == []


class TestPartialClose:
    @pytest.mark.parametrize(
        ("settings", "opened", "remains", "expected"),
        [
            ({}, "1.00", "0.50", ("PARTIAL_CLOSE", "0.50")),
            ({"multiplier": "0.1"}, "1.00", "0.50", ("PARTIAL_CLOSE", "0.05")),
            ({"multiplier": "0.1"}, "1.00", "0.99", ("PARTIAL_CLOSE", "0.09")),
            ({}, "0.30", "0.10", ("PARTIAL_CLOSE", "0.10")),
            ({}, "0.70", "0.10", ("PARTIAL_CLOSE", "0.10")),
            ({"multiplier": "3"}, "0.10", "0.07", ("PARTIAL_CLOSE", "0.21")),
            ({"multiplier": "0.1"}, "0.30", "0.10", ("PARTIAL_CLOSE", "0.01")),
            ({"multiplier": "0.1"}, "0.10", "0.05", ("CLOSE", "0")),
            ({"volume_min": "0.20"}, "0.50", "0.10", ("CLOSE", "0")),
            ({}, "0.50", "0", ("CLOSE", "0")),
            ({}, "0.50", "0.50", ("PARTIAL_CLOSE", "0.50")),
            ({}, "0.50", "9.00", ("PARTIAL_CLOSE", "0.50")),
            ({"multiplier": "10", "volume_max": "1"}, "0.50", "0.25", ("PARTIAL_CLOSE", "0.50")),
        ],
    )
    @pytest.mark.parametrize("together", [False, True])
    def test_what_must_remain_is_the_copy_s_share_of_what_the_master_keeps(
        self,
        plane: Plane,
        master: Master,
        settings: dict[str, Any],
        opened: str,
        remains: str,
        expected: tuple[str, str],
        together: bool,
    ) -> None:
        copier = plane.copier(master, **settings)
        master.does("OPEN", 1, volume=opened)
        if not together:
            copier.receives()
        master.does("PARTIAL_CLOSE", 1, volume=remains)
        assert volumes(copier.receives()[-1:]) == [(expected[0], e8(expected[1]))]
        copy = copier.copy()
        assert copy["target_volume"] == Decimal(expected[1])
        assert copy["status"] == ("CLOSING" if expected[0] == "CLOSE" else "DELIVERED")

    @pytest.mark.parametrize("together", [False, True])
    def test_the_target_never_grows(self, master: Master, copier: Copier, together: bool) -> None:
        for action, volume in [("OPEN", "1"), ("PARTIAL_CLOSE", "0.3"), ("PARTIAL_CLOSE", "0.8"), ("CLOSE", "0")]:
            master.does(action, 1, volume=volume)
            if not together:
                copier.receives()
        master.does("PARTIAL_CLOSE", 1, volume="0.9")
        copier.receives()
        copy = copier.copy()
        assert (copy["status"], copy["target_volume"]) == ("CLOSING", 0)

    def test_the_inputs_are_kept(self, plane: Plane, master: Master, copier: Copier) -> None:
        master.does("OPEN", 1, volume="0.30")
        master.does("PARTIAL_CLOSE", 1, volume="0.10")
        copier.receives()
        inputs = plane.value("select inputs from signals.decisions where seq = 2")
        assert inputs["mode"] == "REMAINDER"
        names = ("master_volume", "master_remains", "opened_volume", "numerator", "denominator")
        assert [Decimal(str(inputs[name])) for name in names] == [
            Decimal(n) for n in ("0.3", "0.1", "0.3", "0.03", "0.3")
        ]


class TestCursor:
    def test_repeating_a_call_changes_nothing(self, plane: Plane, master: Master, copier: Copier) -> None:
        for action in ("OPEN", "MODIFY", "CLOSE"):
            master.does(action, 1)
        positions = plane.routes(copier.lane)
        fed = plane.feed(positions)
        first = plane.dispatch(copier.lane, positions, fed)
        assert len(first) == 3
        before = plane.rows("select d::text from signals.decisions as d order by seq")
        assert plane.dispatch(copier.lane, positions, fed) == []
        assert plane.rows("select d::text from signals.decisions as d order by seq") == before

    def test_a_call_that_overlaps_the_last_one_decides_only_what_is_new(
        self, plane: Plane, master: Master, copier: Copier
    ) -> None:
        positions = plane.routes(copier.lane)
        master.does("OPEN", 1)
        plane.dispatch(copier.lane, positions, plane.feed(positions))
        master.does("CLOSE", 1)
        got = plane.dispatch(copier.lane, positions, plane.feed(positions))
        assert [(each.seq, each.delivery_seq) for each in got] == [(2, 2)]

    def test_a_call_from_beyond_the_cursor_is_an_error_and_decides_nothing(
        self, plane: Plane, master: Master, copier: Copier
    ) -> None:
        master.does("OPEN", 1)
        master.does("CLOSE", 1)
        ahead = [Position(master.lane, master.stream, 1, 1)]
        with pytest.raises(psycopg.Error) as refusal:
            plane.dispatch(copier.lane, ahead, plane.feed(ahead))
        assert refusal.value.sqlstate == "TRS21"
        assert copier.reasons() == []
        assert [each.action for each in copier.receives()] == ["OPEN", "CLOSE"]

    def test_the_cursor_moves_past_what_nobody_gets(self, plane: Plane, master: Master, copier: Copier) -> None:
        master.does("CLOSE", 9)
        plane.pump(copier.lane)
        assert plane.routes(copier.lane) == [(master.lane, master.stream, 1, 1)]
        assert plane.verify() == {}

    def test_a_lane_without_followers_decides_nothing(self, plane: Plane, master: Master, copier: Copier) -> None:
        master.does("OPEN", 1)
        positions = plane.routes(copier.lane)
        elsewhere = (copier.lane + 1) % 8
        assert plane.dispatch(elsewhere, positions, plane.feed(positions)) == []
        assert copier.reasons() == []

    def test_an_empty_call_decides_nothing(self, plane: Plane, copier: Copier) -> None:
        assert plane.dispatch(copier.lane, [], []) == []
        assert plane.dispatch(copier.lane, plane.routes(copier.lane), []) == []

    def test_other_gateways_are_woken(self, plane: Plane, master: Master, copier: Copier) -> None:
        master.does("OPEN")
        with plane.connect("ecp_gateway") as listener:
            listener.execute("listen ecp_deliveries")
            copier.receives()
            assert [note.payload for note in listener.notifies(timeout=5, stop_after=1)] == [str(copier.lane)]

    def test_two_dispatchers_at_once_deliver_everything_once(self, plane: Plane) -> None:
        master = plane.master(lane=1, rate=1000, burst=1000)
        copiers = [plane.copier(master, lane=2) for _ in range(3)]
        got: list[Delivery] = []

        def publish() -> None:
            with plane.connect("ecp_gateway") as connection:
                for position in range(1, 41):
                    batch = [master.signal(action, position) for action in ("OPEN", "MODIFY", "CLOSE")]
                    plane.ingest(batch, connection)

        def dispatch(limit: int) -> None:
            with plane.connect("ecp_gateway") as connection:
                while plane.routes(2, connection)[0].seq < 120:
                    positions = plane.routes(2, connection)
                    if fed := plane.feed(positions, limit, connection):
                        try:
                            got.extend(plane.dispatch(2, positions, fed, connection))
                        except psycopg.Error as error:
                            if error.sqlstate != "TRS21":
                                raise

        run_together(publish, lambda: dispatch(7), lambda: dispatch(1000))
        for copier in copiers:
            counted = sorted(each.delivery_seq for each in got if each.subscription_id == copier.subscription)
            assert counted == list(range(1, 121))
        assert plane.verify() == {}


SCRIPT = st.lists(
    st.fixed_dictionaries(
        {
            "action": st.sampled_from(["OPEN", "OPEN", "PLACE", "MODIFY", "PARTIAL_CLOSE", "CLOSE", "CANCEL"]),
            "position": st.integers(1, 3),
            "volume": st.sampled_from(["0.30", "0.20", "0.10", "0.02", "0.01"]),
            "age_ms": st.sampled_from([0, 0, 0, 450]),
        }
    ),
    min_size=1,
    max_size=15,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), script=SCRIPT)
def test_decisions_do_not_depend_on_how_signals_were_batched(
    plane: Plane, data: st.DataObject, script: list[dict[str, Any]]
) -> None:
    """The same signals, fed one by one to the subscribers of one lane and in batches of any size to another's."""
    master = plane.master(rate=1000, burst=1000)
    wishes: list[dict[str, Any]] = [{}, {"multiplier": "0.1"}, {"volume_min": "0.02", "ttl": "400 ms"}]
    single, batched = ([plane.copier(master, lane=lane, **each) for each in wishes] for lane in (2, 3))
    for what in script:
        sent_us = microseconds(plane.now - timedelta(milliseconds=what["age_ms"]))
        master.does(what["action"], what["position"], volume=what["volume"], sent_us=sent_us)
    plane.pump(2, limit=1)
    while fed := plane.feed([p for p in plane.routes(3) if p.stream_id == master.stream]):
        size = data.draw(st.integers(1, len(fed)), label="batch")
        plane.dispatch(3, [p for p in plane.routes(3) if p.stream_id == master.stream], fed[:size])
    for one, other in zip(single, batched, strict=True):
        assert state_of(plane, one) == state_of(plane, other)


def state_of(plane: Plane, copier: Copier) -> list[Any]:
    return [
        *plane.rows(
            "select epoch, seq, delivery_seq, reason, action, symbol, side, position_id, volume, inputs::text"
            " from signals.decisions where subscription_id = %s order by epoch, seq",
            copier.subscription,
        ),
        *plane.rows(
            "select position_id, master_volume, opened_volume, target_volume, status from signals.copies"
            " where subscription_id = %s order by 1",
            copier.subscription,
        ),
    ]
