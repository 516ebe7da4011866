"""The guard holds back what would raise exposure too late or too dear."""

from typing import Any

import pytest

from gateway import ecp_pb2 as pb
from ops.demo import guard


def delivery(**fields: Any) -> pb.Delivery:
    found = pb.Delivery(
        action=pb.OPEN, side=pb.BUY, position_id=7, price_e8=1005, max_deviation_e8=10, expires_at_us=500
    )
    for name, value in fields.items():
        setattr(found, name, value)
    return found


def refusal(found: pb.Delivery, *, at: int = 500, price: int = 1010) -> str | None:
    return guard.refusal(found, plane_time_us=at, price=price)


@pytest.mark.parametrize("action", [pb.OPEN, pb.PLACE])
def test_what_raises_exposure_is_held_to_its_age(action: "pb.Action") -> None:
    assert refusal(delivery(action=action)) is None
    assert refusal(delivery(action=action), at=501) == guard.TTL_EXPIRED
    assert refusal(delivery(action=action, expires_at_us=0), at=501) is None


@pytest.mark.parametrize(("price", "refused"), [(1015, False), (1016, True), (995, False), (994, True)])
def test_the_price_may_have_moved_so_far(price: int, *, refused: bool) -> None:
    assert refusal(delivery(), price=price) == (guard.PRICE_DEVIATION if refused else None)
    assert refusal(delivery(max_deviation_e8=0), price=price) is None
    assert refusal(delivery(action=pb.PLACE), price=price) is None


@pytest.mark.parametrize(
    ("side", "price", "refused"),
    [(pb.BUY, 1007, False), (pb.BUY, 1008, True), (pb.SELL, 1007, False), (pb.SELL, 1006, True)],
)
def test_the_price_may_not_be_worse_than_the_worst(side: "pb.Side", price: int, *, refused: bool) -> None:
    found = delivery(side=side, worst_price_e8=1007)
    assert refusal(found, price=price) == (guard.PRICE_DEVIATION if refused else None)


def test_a_gap_fill_is_not_tried_and_may_say_nothing_else() -> None:
    assert refusal(delivery(gap_fill=True)) == guard.TTL_EXPIRED
    assert refusal(pb.Delivery(delivery_seq=1, gap_fill=True)) == guard.TTL_EXPIRED


def test_the_sequence_takes_the_next_one_and_nothing_else() -> None:
    sequence = guard.Sequence()
    assert [sequence.place(n) for n in (0, 1, 2, 3)] == ["seen", "next", "hole", "hole"]
    sequence.last = 2
    assert [sequence.place(n) for n in (1, 2, 3, 4)] == ["seen", "seen", "next", "hole"]
