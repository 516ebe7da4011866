"""The subscriber's own word on what a symbol is called at the broker."""

import json
from typing import Any

import psycopg
import pytest

from tests.db.plane import Copier, Plane

pytestmark = pytest.mark.core


def resolved(plane: Plane) -> list[Any]:
    return plane.rows("select symbol, reason from signals.symbol_resolutions where master_symbol = 'EURUSD'")


def test_a_map_settles_what_was_ambiguous_and_taking_it_back_unsettles_it(plane: Plane, copier: Copier) -> None:
    copier.uploads("EURUSD", "EURUSD.m")
    assert resolved(plane) == [(None, "AMBIGUOUS_SYMBOL")]
    plane.map_symbol(copier.portfolio, "EURUSD", "EURUSD.m")
    assert resolved(plane) == [("EURUSD.m", None)]
    plane.map_symbol(copier.portfolio, "EURUSD", "EURUSD")
    assert resolved(plane) == [("EURUSD", None)]
    plane.map_symbol(copier.portfolio, "EURUSD", None)
    assert resolved(plane) == [(None, "AMBIGUOUS_SYMBOL")]


def test_a_symbol_may_be_mapped_before_anybody_trades_it(plane: Plane, copier: Copier) -> None:
    copier.uploads("EURUSD", "XAUUSD")
    plane.map_symbol(copier.portfolio, "GOLD", "XAUUSD")
    plane.define(plane.value("select stream_id from signals.streams"), "GOLD")
    assert plane.value("select symbol from signals.symbol_resolutions where master_symbol = 'GOLD'") == "XAUUSD"


def test_taking_back_what_was_never_mapped_is_no_error(plane: Plane, copier: Copier) -> None:
    plane.map_symbol(copier.portfolio, "EURUSD", None)
    assert plane.value("select count(*) from signals.symbol_maps") == 0


def test_an_unknown_portfolio_maps_nothing(plane: Plane) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        plane.map_symbol(999_999, "EURUSD", "EURUSD.m")
    assert refusal.value.sqlstate == "TRS24"


@pytest.mark.parametrize(("ours", "theirs"), [("", "X"), (None, "X"), ("x" * 33, "X"), ("X", ""), ("X", "x" * 33)])
def test_a_map_names_two_symbols(plane: Plane, copier: Copier, ours: str | None, theirs: str) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        plane.map_symbol(copier.portfolio, ours, theirs)
    assert refusal.value.sqlstate == "TRS34"
    assert json.loads(str(refusal.value.diag.message_detail))["rule"] == "symbol_maps_symbol_length"
