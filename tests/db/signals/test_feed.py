"""Feed: the accepted signals after a position, in order."""

from decimal import Decimal
from typing import Any

import pytest

from tests.db.plane import Master, Plane, Position, held

pytestmark = pytest.mark.core


def numbers(rows: list[tuple[Any, ...]]) -> list[tuple[int, int, int]]:
    return [(stream, epoch, seq) for stream, epoch, seq, *_ in rows]


def test_accepted_signals_come_in_the_order_of_the_stream_over_epochs(plane: Plane, master: Master) -> None:
    for action in ("OPEN", "CLOSE"):
        master.does(action, 1)
    master.does("OPEN", volume=0)
    master.resync(3)
    master.does("OPEN", 2)
    start = Position(master.lane, master.stream, 1, 0)
    everything = [(master.stream, 1, 1), (master.stream, 1, 2), (master.stream, 3, 1)]
    assert numbers(plane.feed([start])) == everything
    assert numbers(plane.feed([start._replace(seq=1)])) == everything[1:]
    assert numbers(plane.feed([start._replace(epoch=2)])) == everything[2:]
    assert plane.feed([start._replace(epoch=3, seq=1)]) == []


def test_a_limited_feed_goes_on_where_it_ended(plane: Plane) -> None:
    masters = [plane.master(lane=1) for _ in range(3)]
    for master in masters:
        for _ in range(3):
            master.does("OPEN")
    positions = {master.stream: Position(1, master.stream, 1, 0) for master in masters}
    seen: list[tuple[int, int, int]] = []
    while rows := plane.feed(list(positions.values()), limit=2):
        assert len(rows) <= 2
        seen += numbers(rows)
        for stream, epoch, seq in numbers(rows):
            positions[stream] = Position(1, stream, epoch, seq)
    assert seen == [(master.stream, 1, seq) for master in masters for seq in (1, 2, 3)]


def test_a_row_has_all_that_dispatch_needs(plane: Plane, master: Master) -> None:
    master.does("OPEN", 5, volume="0.30", price="1.07", stop_loss="1.0", magic=8, balance="5000", equity="4900")
    master.does("CLOSE", 5, symbol="NOWHERE", price=0)
    opening, close = plane.feed([Position(master.lane, master.stream, 1, 0)])
    assert opening[3:7] == ("OPEN", "EURUSD", "BUY", 5)
    assert [None if value is None else float(value) for value in opening[7:11]] == [0.3, 1.07, 1.0, None]
    assert opening[11:] == (8, "MARKET", 5, plane.now, plane.now, Decimal(100_000), Decimal(5000), Decimal(4900), None)
    assert (close[4], close[8], close[13], close[16:]) == ("NOWHERE", None, 0, (1, None, None, None))


def test_a_book_comes_with_what_followers_have_to_know_of_its_symbols(plane: Plane, master: Master) -> None:
    plane.define(master.stream, "USDJPY", digits=3)
    master.snapshot(held(1), held(2, symbol="USDJPY"), held(3, symbol="GONE"))
    ((*_, book),) = plane.feed([Position(master.lane, master.stream, 1, 0)])
    assert [(each["symbol"], each.get("digits"), each.get("contract_size")) for each in book] == [
        ("EURUSD", 5, 100_000),
        ("USDJPY", 3, 100_000),
        ("GONE", None, None),
    ]


def test_an_empty_book_is_one_too(plane: Plane, master: Master) -> None:
    master.snapshot()
    ((*_, book),) = plane.feed([Position(master.lane, master.stream, 1, 0)])
    assert book == []


def test_another_lane_has_none_of_it(plane: Plane, master: Master) -> None:
    master.does("OPEN")
    assert plane.feed([Position((master.lane + 1) % 8, master.stream, 1, 0)]) == []
