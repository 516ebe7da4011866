"""Dispatch: how many lots a follower is told to open, and to keep."""

from decimal import Decimal
from typing import Any

import pytest

from tests.db.plane import Copier, Delivery, Master, Plane, Specification, e8

pytestmark = pytest.mark.core


def volumes(deliveries: list[Delivery]) -> list[tuple[str, int]]:
    return [(each.action, each.volume_e8) for each in deliveries]


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
