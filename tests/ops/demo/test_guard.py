"""The guard holds back what raises exposure, and never what cuts it."""

from typing import Any

import pytest

from gateway import ecp_pb2 as pb
from ops.demo import guard
from ops.demo.broker import Quote

QUOTE = Quote(bid=1000, ask=1010)


def delivery(action: "pb.Action", **fields: Any) -> pb.Delivery:
    found = pb.Delivery(
        action=action, side=pb.BUY, position_id=7, price_e8=1005, max_deviation_e8=10, expires_at_us=500
    )
    for name, value in fields.items():
        setattr(found, name, value)
    return found


def refusal(found: pb.Delivery, *, at: int = 500, holds: bool = False) -> str | None:
    return guard.refusal(found, plane_time_us=at, quote=QUOTE, holds=holds)


@pytest.mark.parametrize("action", [pb.OPEN, pb.PLACE])
def test_what_raises_exposure_is_held_to_age_and_price(action: "pb.Action") -> None:
    assert refusal(delivery(action)) is None
    assert refusal(delivery(action), at=501) == guard.TTL_EXPIRED
    assert refusal(delivery(action, expires_at_us=0), at=501) is None


@pytest.mark.parametrize(
    ("side", "price", "refused"),
    [(pb.BUY, 1000, False), (pb.BUY, 999, True), (pb.SELL, 1010, False), (pb.SELL, 1011, True)],
)
def test_the_price_is_that_of_the_side_which_would_be_taken(side: "pb.Side", price: int, refused: bool) -> None:
    found = delivery(pb.OPEN, side=side, price_e8=price)
    assert refusal(found) == (guard.PRICE_DEVIATION if refused else None)
    assert refusal(delivery(pb.OPEN, side=side, price_e8=1, max_deviation_e8=0)) is None


def test_a_gap_fill_is_too_old_and_may_say_nothing_else() -> None:
    assert refusal(delivery(pb.OPEN, gap_fill=True)) == guard.TTL_EXPIRED
    assert refusal(pb.Delivery(delivery_seq=1, gap_fill=True), holds=True) == guard.TTL_EXPIRED


@pytest.mark.parametrize("action", [pb.MODIFY, pb.CLOSE, pb.PARTIAL_CLOSE, pb.CANCEL])
def test_what_manages_or_cuts_exposure_needs_a_position_and_nothing_else(action: "pb.Action") -> None:
    hopeless = delivery(action, price_e8=1)
    assert refusal(hopeless, at=10**9, holds=True) is None
    assert refusal(hopeless, at=10**9) == guard.NO_POSITION


def test_the_sequence_takes_the_next_one_and_nothing_else() -> None:
    sequence = guard.Sequence()
    assert [sequence.place(n) for n in (0, 1, 2, 3)] == ["seen", "next", "hole", "hole"]
    sequence.last = 2
    assert [sequence.place(n) for n in (1, 2, 3, 4)] == ["seen", "seen", "next", "hole"]
