"""A snapshot of the master: its terminal knows what it holds. The book follows, and what was otherwise is recorded."""

from decimal import Decimal
from typing import Any

import pytest

from tests.db.plane import Copier, Master, Plane, held, microseconds

pytestmark = pytest.mark.core


@pytest.fixture
def followed(plane: Plane, master: Master, copier: Copier) -> Copier:
    """A copier, and a master that holds positions 1 and 2."""
    for position in (1, 2):
        master.does("OPEN", position, stop_loss="1.05", magic=4)
    plane.pump(copier.lane)
    return copier


def stopped(position: int, volume: str = "0.10", **changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"stop_loss": "1.05", "magic": 4} | changes
    return held(position, volume, **given)


def test_one_that_agrees_says_nothing(plane: Plane, master: Master, followed: Copier) -> None:
    before = plane.book(followed.lane, master.stream)
    master.snapshot(stopped(1), stopped(2))
    plane.pump(followed.lane)
    after = plane.book(followed.lane, master.stream)
    assert plane.differences() == []
    assert after == {position: row | {"changed_seq": 3} for position, row in before.items()}


@pytest.mark.parametrize(
    ("positions", "kinds"),
    [
        ([stopped(1)], [("MISSING", 2)]),
        ([], [("MISSING", 1), ("MISSING", 2)]),
        ([stopped(1), stopped(2), stopped(3)], [("UNEXPECTED", 3)]),
        ([stopped(1, "0.05"), stopped(2)], [("VOLUME", 1)]),
        ([stopped(1, "0.20"), stopped(2)], [("VOLUME", 1)]),
        ([stopped(1, side="SELL"), stopped(2)], [("SIDE", 1)]),
        ([stopped(1, stop_loss="1.06"), stopped(2)], [("STOPS", 1)]),
        ([stopped(1), stopped(2, take_profit="1.2")], [("STOPS", 2)]),
        ([stopped(1, order_type="LIMIT"), stopped(2)], [("VOLUME", 1)]),
        ([stopped(3), stopped(1, "0.05", stop_loss="1.06")], [("VOLUME", 1), ("MISSING", 2), ("UNEXPECTED", 3)]),
    ],
)
def test_the_book_follows_it_and_each_difference_is_recorded_once(
    plane: Plane, master: Master, followed: Copier, positions: list[dict[str, Any]], kinds: list[tuple[str, int]]
) -> None:
    for _ in range(2):
        master.snapshot(*positions)
        plane.pump(followed.lane)
        assert plane.differences() == kinds
    book = plane.book(followed.lane, master.stream)
    found = {
        position: (row["side"], int(row["volume"].scaleb(8)), int(row["stop_loss"].scaleb(8)), row["order_type"])
        for position, row in book.items()
    }
    assert found == {
        each["position_id"]: (each["side"], each["volume_e8"], each["stop_loss_e8"], each["order_type"])
        for each in positions
    }
    assert plane.verify() == {}


def test_a_difference_says_when_what_was_expected_and_what_was_found(
    plane: Plane, master: Master, followed: Copier
) -> None:
    master.snapshot(stopped(1, "0.05"), stopped(2))
    plane.pump(followed.lane)
    row = plane.record("select * from signals.differences")
    assert (row["origin"], row["epoch"], row["seq"], row["symbol"]) == ("MASTER", 1, 3, "EURUSD")
    assert (row["expected"]["volume"], row["found"]["volume"]) == (0.1, 0.05)
    assert (row["stream_id"], row["subscription_id"], row["found_at"]) == (master.stream, None, plane.now)


def test_every_lane_that_follows_has_its_own(plane: Plane, master: Master) -> None:
    copiers = [plane.copier(master, lane=lane) for lane in (2, 3)]
    master.does("OPEN", 1)
    master.snapshot()
    for copier in copiers:
        plane.pump(copier.lane)
    assert plane.rows("select lane from signals.differences order by 1") == [2, 3]


def test_what_shows_up_is_as_old_as_the_terminal_says(plane: Plane, master: Master, copier: Copier) -> None:
    opened_at_us = microseconds(plane.now) - 3_600_000_000
    master.snapshot(held(1, opened_at_us=opened_at_us), held(2))
    plane.pump(copier.lane)
    ages = {position: plane.now - row["opened_at"] for position, row in plane.book(copier.lane, master.stream).items()}
    assert {position: age.total_seconds() for position, age in ages.items()} == {1: 3600, 2: 0}


def test_what_shows_up_has_the_digits_and_the_contract_of_its_symbol(
    plane: Plane, master: Master, copier: Copier
) -> None:
    plane.define(master.stream, "USDJPY", digits=3)
    master.snapshot(held(1, symbol="USDJPY"), balance="5000", equity="4000")
    plane.pump(copier.lane)
    row = plane.book(copier.lane, master.stream)[1]
    assert (row["digits"], row["contract_size"], row["balance"], row["equity"]) == (3, 100_000, 5000, 4000)


def test_what_is_listed_twice_is_one_position(plane: Plane, master: Master, copier: Copier) -> None:
    master.snapshot(held(1), held(1))
    plane.pump(copier.lane)
    assert plane.book(copier.lane, master.stream).keys() == {1}


def test_an_opening_that_was_refused_is_known_by_it_and_can_be_closed(plane: Plane, master: Master) -> None:
    copier = plane.copier(master, late_join="ALL")
    copier.uploads("EURUSD")
    assert master.does("OPEN", 1, sent_us=microseconds(plane.now) - 600_000).verdict == "STALE"
    master.snapshot(held(1))
    assert [each.action for each in copier.is_shown()] == ["OPEN"]
    assert plane.differences() == [("UNEXPECTED", 1)]
    copier.reports(1)
    master.does("CLOSE", 1)
    assert [each.action for each in copier.receives()] == ["CLOSE"]
    assert plane.verify() == {}


def test_a_volume_that_grew_is_the_master_s_affair(master: Master, copier: Copier) -> None:
    """A copy never grows: what it may hold was decided when it was opened."""
    master.does("OPEN", 1)
    copier.receives()
    copier.reports(1)
    master.snapshot(held(1, "0.50"))
    assert copier.is_shown() == []
    assert copier.holds() == {1: Decimal("0.1")}


@pytest.mark.parametrize(
    "damage",
    [
        {"volume_e8": 0},
        {"volume_e8": -1},
        {"volume_e8": None},
        {"symbol": None},
        {"side": None},
        {"position_id": None},
        {"position_id": 0},
        {"side": "LONG"},
        {"order_type": "ICEBERG"},
        {"symbol": ""},
        {"symbol": "X" * 33},
    ],
)
def test_a_book_that_cannot_be_read_stops_neither_the_stream_nor_the_lane(
    plane: Plane, master: Master, followed: Copier, damage: dict[str, Any]
) -> None:
    """Whoever publishes must not be able to halt the dispatch of a lane."""
    verdict = master.snapshot(stopped(1), stopped(2) | damage)
    assert (verdict.verdict, verdict.code) == ("MALFORMED", "TRS09")
    master.does("CLOSE", 1)
    assert [each.action for each in followed.receives()] == ["CLOSE"]
    assert plane.verify() == {}
