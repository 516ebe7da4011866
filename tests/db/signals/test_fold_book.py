"""The master's book, as dispatch has come to it: one copy in each lane that follows the stream."""

from decimal import Decimal
from typing import Any

import pytest

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


def book(plane: Plane, master: Master, lane: int) -> dict[int, tuple[Any, ...]]:
    columns = ("order_type", "side", "volume", "price", "stop_loss")
    return {position: tuple(row[name] for name in columns) for position, row in plane.book(lane, master.stream).items()}


OPENED = ("MARKET", "BUY", Decimal("0.1"), Decimal("1.1"), Decimal(0))


@pytest.fixture(params=[1, 1000], ids=["one by one", "together"])
def batch(request: pytest.FixtureRequest) -> int:
    size: int = request.param
    return size


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ([("OPEN", {})], OPENED),
        ([("OPEN", {}), ("CLOSE", {})], None),
        ([("OPEN", {}), ("CANCEL", {})], None),
        ([("CLOSE", {}), ("MODIFY", {}), ("PARTIAL_CLOSE", {})], None),
        ([("OPEN", {}), ("PARTIAL_CLOSE", {"volume": "0.04"})], (*OPENED[:2], Decimal("0.04"), *OPENED[3:])),
        # It never grows.
        (
            [("OPEN", {}), ("PARTIAL_CLOSE", {"volume": "0.04"}), ("PARTIAL_CLOSE", {"volume": "0.08"})],
            (*OPENED[:2], Decimal("0.04"), *OPENED[3:]),
        ),
        ([("OPEN", {}), ("PARTIAL_CLOSE", {"volume": "0.99"})], OPENED),
        ([("OPEN", {}), ("PARTIAL_CLOSE", {"volume": 0})], None),
        ([("OPEN", {}), ("MODIFY", {"stop_loss": "1.05"})], (*OPENED[:4], Decimal("1.05"))),
        ([("OPEN", {"stop_loss": "1.05"}), ("MODIFY", {})], OPENED),
        ([("PLACE", {"price": "1.05"})], ("LIMIT", "BUY", Decimal("0.1"), Decimal("1.05"), Decimal(0))),
        (
            [("PLACE", {"price": "1.05"}), ("AMEND", {"price": "1.06", "stop_loss": "1.0"})],
            ("LIMIT", "BUY", Decimal("0.1"), Decimal("1.06"), Decimal(1)),
        ),
        # MODIFY is of the stops; the price of an order is amended.
        (
            [("PLACE", {"price": "1.05"}), ("MODIFY", {"price": "1.06", "stop_loss": "1.0"})],
            ("LIMIT", "BUY", Decimal("0.1"), Decimal("1.05"), Decimal(1)),
        ),
        ([("PLACE", {}), ("CANCEL", {})], None),
        # An order is filled, at another price.
        (
            [("PLACE", {"price": "1.05"}), ("OPEN", {"price": "1.0502"})],
            ("MARKET", "BUY", Decimal("0.1"), Decimal("1.0502"), Decimal(0)),
        ),
        # A position is opened once.
        ([("OPEN", {}), ("OPEN", {"volume": "5"})], OPENED),
        ([("OPEN", {}), ("PLACE", {})], OPENED),
        ([("OPEN", {"volume": "5"}), ("CLOSE", {}), ("OPEN", {})], OPENED),
    ],
)
def test_a_position_is_what_its_signals_made_of_it(
    plane: Plane, master: Master, batch: int, actions: list[tuple[str, dict[str, Any]]], expected: Any
) -> None:
    copier = plane.copier(master)
    for action, changes in actions:
        master.does(action, 1, **changes)
    plane.pump(copier.lane, batch)
    assert book(plane, master, copier.lane).get(1) == expected
    assert plane.verify() == {}


def test_what_was_refused_is_not_in_it(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1, volume=0)
    master.does("OPEN", 2, sent_us=0)
    master.does("OPEN", 3)
    plane.pump(copier.lane)
    assert book(plane, master, copier.lane).keys() == {3}


def test_it_is_where_dispatch_has_come_to_in_each_lane(plane: Plane, master: Master) -> None:
    near, far = plane.copier(master, lane=2), plane.copier(master, lane=3)
    master.does("OPEN", 1)
    plane.pump(near.lane)
    assert [len(plane.book(copier.lane, master.stream)) for copier in (near, far)] == [1, 0]
    plane.pump(far.lane)
    assert [len(plane.book(copier.lane, master.stream)) for copier in (near, far)] == [1, 1]


def test_streams_keep_apart(plane: Plane) -> None:
    masters = [plane.master(lane=1) for _ in range(2)]
    account = plane.account("subscriber", lane=2)
    for master in masters:
        plane.copier(master, account=account)
        master.does("OPEN", 1)
    masters[0].does("CLOSE", 1)
    plane.pump(2)
    assert [len(plane.book(2, master.stream)) for master in masters] == [0, 1]


def test_it_is_kept_whether_or_not_anybody_copies(plane: Plane, master: Master) -> None:
    copier = plane.copier(master, sides=["SELL"])
    master.does("OPEN", 1)
    plane.pump(copier.lane)
    assert book(plane, master, copier.lane) == {1: OPENED}


def test_it_goes_on_over_epochs(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1)
    master.does("OPEN", 2)
    master.resync(2)
    master.does("CLOSE", 1)
    plane.pump(copier.lane)
    assert book(plane, master, copier.lane).keys() == {2}
