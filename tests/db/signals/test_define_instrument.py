"""Instruments: what a stream trades, and in which volumes."""

import json
import threading
from decimal import Decimal
from typing import Any, LiteralString

import psycopg
import pytest

from tests.db.plane import Master, Plane

pytestmark = pytest.mark.core

BLOCKED: LiteralString = """
    select exists (
        select from pg_locks
        where not granted and database = (select oid from pg_database where datname = current_database())
    )
"""

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
        ({"digits": 2**31 - 1}, "value_range"),
        ({"digits": None}, "instruments_digits_not_null"),
        ({"symbol": None}, "instruments_symbol_not_null"),
        *(({"contract_size": value}, "instruments_contract_size_range") for value in (Decimal(0), NAN, INFINITY)),
        *(({"volume_step": value}, "instruments_volume_step_range") for value in (Decimal(0), NAN, INFINITY)),
        *(({"volume_min": value}, "instruments_volume_range") for value in (Decimal(0), Decimal(51), NAN, INFINITY)),
        *(({"volume_max": value}, "instruments_volume_range") for value in (Decimal(0), NAN, INFINITY)),
    ],
)
def test_an_instrument_keeps_its_rules(plane: Plane, master: Master, change: dict[str, Any], rule: str) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        define(plane, master.stream, **change)
    assert refusal.value.sqlstate == "TRS33"
    assert json.loads(str(refusal.value.diag.message_detail))["rule"] == rule


def test_a_new_symbol_is_looked_up_for_who_follows_the_stream_already(plane: Plane, master: Master) -> None:
    copiers = [plane.copier(master, lane=lane) for lane in (2, 3)]
    for copier in copiers:
        copier.uploads("EURUSD", f"XAUUSD.{copier.lane}")
    define(plane, master.stream)
    assert plane.rows(
        "select lane, symbol from signals.symbol_resolutions where master_symbol = 'XAUUSD' order by 1"
    ) == [
        (2, "XAUUSD.2"),
        (3, "XAUUSD.3"),
    ]


@pytest.mark.parametrize("first", ["define", "subscribe"])
def test_a_symbol_and_a_subscription_that_come_at_once_find_each_other(
    plane: Plane, master: Master, first: str
) -> None:
    """Whichever is first, the other waits until it can be seen."""
    copier = plane.copier(plane.master())
    copier.uploads("XAUUSD.m", "EURUSD")
    works: dict[str, tuple[LiteralString, list[Any]]] = {
        "define": ("select signals.define_instrument(%s, 'XAUUSD', 2, 0.01, 50, 0.01)", [master.stream]),
        "subscribe": ("select signals.subscribe(%s, %s)", [copier.account, master.stream]),
    }
    with plane.connect("ecp_operator") as other, plane.connect("ecp_operator") as one:
        with one.transaction():
            one.execute(*works.pop(first))
            ((query, arguments),) = works.values()
            second = threading.Thread(target=other.execute, args=[query, arguments])
            second.start()
            while second.is_alive() and not plane.value(BLOCKED):
                pass
        second.join()
    assert plane.rows("select symbol from signals.symbol_resolutions where master_symbol = 'XAUUSD'") == ["XAUUSD.m"]
