"""The execution guard: the subscriber's own last look at a delivery, immediately before the order."""

from typing import Literal

from gateway import ecp_pb2 as pb
from ops.demo.strategy import Side

TTL_EXPIRED = "TRG01"
PRICE_DEVIATION = "TRG02"
NO_POSITION = "TRG03"
BROKER_REJECTED = "TRG04"
NO_ANSWER = "TRG06"

RAISES_EXPOSURE = frozenset({pb.OPEN, pb.PLACE})


class Sequence:
    """Counts deliveries: `last` is the newest that was processed."""

    def __init__(self) -> None:
        self.last = 0

    def place(self, delivery_seq: int) -> Literal["next", "seen", "hole"]:
        """Where a delivery stands: only the next one may be processed; a hole is a loss, to be resent."""
        if delivery_seq <= self.last:
            return "seen"
        return "next" if delivery_seq == self.last + 1 else "hole"


def refusal(delivery: pb.Delivery, *, plane_time_us: int, price: int) -> str | None:
    """The code of why this opening must not be executed at this price now, None if it may be.

    A gap fill is an opening that is not to be tried (again), and says nothing but that. A pending order brings its own
    price, so it is held to its age only.
    """
    if delivery.gap_fill or plane_time_us > delivery.expires_at_us > 0:
        return TTL_EXPIRED
    if delivery.action == pb.PLACE:
        return None
    if abs(price - delivery.price_e8) > delivery.max_deviation_e8 > 0:
        return PRICE_DEVIATION
    beyond = price - delivery.worst_price_e8 if side_of(delivery) == "BUY" else delivery.worst_price_e8 - price
    return PRICE_DEVIATION if beyond > 0 and delivery.worst_price_e8 else None


def side_of(delivery: pb.Delivery) -> Side:
    return "BUY" if delivery.side == pb.BUY else "SELL"
