"""Instruments: what a stream trades, and in which volumes."""

from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.db.plane import Master, Plane

pytestmark = pytest.mark.core

NAN, INFINITY = Decimal("NaN"), Decimal("Infinity")


def define(plane: Plane, stream: int, **changes: Any) -> None:
    given = {
        "stream": stream,
        "symbol": "XAUUSD",
        "digits": 2,
        "volume_min": Decimal("0.01"),
        "volume_max": Decimal(50),
        "volume_step": Decimal("0.01"),
        "contract_size": Decimal(100),
    } | changes
    named = ", ".join(f"p_{name} => %({name})s" for name in given)
    plane.operator.execute(f"select signals.define_instrument({named})".encode(), given)


def test_a_symbol_that_is_defined_can_be_traded(plane: Plane, master: Master) -> None:
    assert master.does("OPEN", symbol="XAUUSD").code == "TRS11"
    define(plane, master.stream)
    assert master.does("OPEN", symbol="XAUUSD").verdict == "ACCEPTED"


def test_defining_it_again_replaces_it(plane: Plane, master: Master) -> None:
    define(plane, master.stream)
    define(plane, master.stream, volume_max=Decimal("0.05"))
    assert master.does("OPEN", symbol="XAUUSD", volume="0.06").code == "TRS14"


def test_a_symbol_of_one_stream_is_none_of_another(plane: Plane, master: Master) -> None:
    define(plane, plane.master().stream)
    assert master.does("OPEN", symbol="XAUUSD").code == "TRS11"


def test_an_unknown_stream_trades_nothing(plane: Plane) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        define(plane, 999_999)
    assert refusal.value.sqlstate == "TRS10"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"symbol": ""}, "instruments_symbol_length"),
        ({"symbol": "x" * 33}, "instruments_symbol_length"),
        ({"digits": 9}, "instruments_digits_range"),
        ({"digits": -1}, "instruments_digits_range"),
        *(({"contract_size": value}, "instruments_contract_size_range") for value in (Decimal(0), NAN, INFINITY)),
        *(({"volume_step": value}, "instruments_volume_step_range") for value in (Decimal(0), NAN, INFINITY)),
        *(({"volume_min": value}, "instruments_volume_range") for value in (Decimal(0), Decimal(51), NAN, INFINITY)),
        *(({"volume_max": value}, "instruments_volume_range") for value in (Decimal(0), NAN, INFINITY)),
    ],
)
def test_an_instrument_keeps_its_rules(plane: Plane, master: Master, change: dict[str, Any], rule: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation) as refusal:
        define(plane, master.stream, **change)
    assert refusal.value.diag.constraint_name == rule
