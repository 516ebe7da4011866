"""The broker's symbols, as the EA uploads them: a whole list or none."""

import json
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from tests.db.plane import Copier, Master, Plane, Specification

pytestmark = pytest.mark.core

BIGINT = 2**63 - 1


def symbols(plane: Plane) -> list[str]:
    return plane.rows("select symbol from signals.specifications order by 1")


def test_a_list_is_kept_and_answered_with_what_the_master_s_symbols_are_called(plane: Plane, master: Master) -> None:
    plane.define(master.stream, "GBPUSD")
    plane.define(master.stream, "XAUUSD")
    copier = plane.copier(master)
    answer = copier.uploads("EURUSD.m", "GBPUSD", "GBPUSD.m", "USDJPY")
    assert [tuple(row.values()) for row in answer] == [
        (None, None, "EURUSD", "EURUSD.m", None),
        (None, None, "GBPUSD", None, "AMBIGUOUS_SYMBOL"),
        (None, None, "XAUUSD", None, "UNKNOWN_SYMBOL"),
    ]
    assert symbols(plane) == ["EURUSD.m", "GBPUSD", "GBPUSD.m", "USDJPY"]


def test_numbers_and_names_arrive_as_they_were_sent(plane: Plane, copier: Copier) -> None:
    copier.uploads(
        Specification("EURUSD", 4, "10000", "0.1", "20", "0.1", "0.0001", "0.00000001", "EUR", "", "CLOSE_ONLY")
    )
    row = plane.record("select * from signals.specifications")
    assert (row["digits"], row["contract_size"], row["volume_max"]) == (4, 10000, 20)
    assert (row["tick_size"], row["tick_value"]) == (Decimal("0.0001"), Decimal("0.00000001"))
    assert (row["base_currency"], row["profit_currency"], row["trade_mode"]) == ("EUR", None, "CLOSE_ONLY")
    assert row["uploaded_at"] == plane.now


def test_the_next_list_replaces_the_whole_one_before(plane: Plane, copier: Copier) -> None:
    copier.uploads("EURUSD", "GBPUSD")
    assert [row["symbol"] for row in copier.uploads("EURUSD.m")] == ["EURUSD.m"]
    assert symbols(plane) == ["EURUSD.m"]


def test_after_an_empty_list_nothing_is_known_of_the_broker(plane: Plane, copier: Copier) -> None:
    copier.uploads("EURUSD.m")
    (answer,) = copier.uploads()
    assert tuple(answer.values()) == (None, None, "EURUSD", "EURUSD", None)
    assert symbols(plane) == []
    assert plane.value("select digits from signals.symbol_resolutions") is None


def test_who_follows_nothing_is_answered_too(plane: Plane, copier: Copier) -> None:
    portfolio = plane.portfolio(copier.account)
    answer = copier.uploads("EURUSD", portfolio=portfolio)
    assert answer == [dict.fromkeys(("code", "detail", "master_symbol", "symbol", "reason"))]


def test_the_list_of_another_portfolio_is_untouched(plane: Plane, master: Master) -> None:
    first, second = plane.copier(master, lane=2), plane.copier(master, lane=2)
    first.uploads("EURUSD.a")
    second.uploads("EURUSD.b")
    assert symbols(plane) == ["EURUSD.a", "EURUSD.b"]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        *(({"symbol": value}, "symbol_length") for value in ("", None, "x" * 33)),
        ({"symbol": "GBPUSD"}, "pk"),
        *(({"digits": value}, "digits_range") for value in (-1, 9, 2**31 - 1, None)),
        *(({"contract_size": value}, "contract_size_range") for value in (0, -1, BIGINT, None)),
        *(({"volume_min": value}, "volume_range") for value in (0, -1, "51", None)),
        *(({"volume_max": value}, "volume_range") for value in (0, "0.009", BIGINT, None)),
        *(({"volume_step": value}, "volume_range") for value in (0, -1, None)),
        *(({"tick_size": value}, "tick_range") for value in (0, -1, None)),
        *(({"tick_value": value}, "tick_range") for value in (-1, None)),
        *(({"trade_mode": value}, "trade_mode_known") for value in ("", "FREE", None)),
    ],
)
def test_one_malformed_symbol_refuses_the_list_and_is_named(
    plane: Plane, copier: Copier, changes: dict[str, Any], rule: str
) -> None:
    copier.uploads("USDJPY")
    broken = Specification(**({"symbol": "EURUSD"} | changes))
    (answer,) = copier.uploads("GBPUSD", broken, Specification("XAUUSD", digits=-1))
    assert answer["code"] == "TRS26"
    assert json.loads(answer["detail"]) == {"symbol": broken.symbol, "rule": f"specifications_{rule}"}
    assert symbols(plane) == ["USDJPY"]


def test_the_rules_are_those_of_the_table(plane: Plane, copier: Copier) -> None:
    """What is refused by name is what a constraint would refuse, no more and no less."""
    edges = [
        Specification("x" * 32, digits=8),
        Specification("A", digits=0, contract_size=10**17, volume_min=1, volume_max=1, volume_step=BIGINT),
        Specification("B", contract_size=1, volume_max=10**17, tick_size=1, tick_value=BIGINT),
    ]
    assert copier.uploads(*edges)[0]["code"] is None
    assert len(symbols(plane)) == 3


def test_a_list_has_its_limit(plane: Plane, copier: Copier) -> None:
    names = [f"S{number}" for number in range(5001)]
    assert copier.uploads(*names[1:])[0]["code"] is None
    (answer,) = copier.uploads(*names)
    assert (answer["code"], json.loads(answer["detail"])) == ("TRS26", {"rule": "specifications_at_most_5000"})
    assert len(symbols(plane)) == 5000


def test_only_a_live_session_uploads(plane: Plane, copier: Copier) -> None:
    for session in (None, uuid4()):
        assert copier.uploads("EURUSD", session=session)[0]["code"] == "TRA06"
    plane.operator.execute("select access.revoke_license(%s)", [copier.license.license_id])
    assert copier.uploads("EURUSD")[0]["code"] == "TRA06"
    assert symbols(plane) == []


def test_only_who_subscribes_uploads(plane: Plane, master: Master) -> None:
    both = plane.account()
    copier = plane.copier(master, account=both)
    publisher = plane.open_session(plane.license(both, "publish").token).session_id
    assert copier.uploads("EURUSD", session=publisher)[0]["code"] == "TRA07"
    assert symbols(plane) == []


def test_nobody_uploads_for_another(plane: Plane, master: Master) -> None:
    copier, other = plane.copier(master, lane=2), plane.copier(master, lane=2)
    for portfolio in (other.portfolio, 999_999, None):
        (answer,) = copier.uploads("EURUSD", portfolio=portfolio)
        assert answer["code"] == "TRS24"
    assert symbols(plane) == []
