"""The execution guard: the subscriber's own last look at a delivery, immediately before the order."""

from typing import Literal

from gateway import ecp_pb2 as pb
from ops.demo.broker import Quote
from ops.demo.strategy import Side

TTL_EXPIRED = "TRG01"
PRICE_DEVIATION = "TRG02"
NO_POSITION = "TRG03"
BROKER_REJECTED = "TRG04"

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


def refusal(delivery: pb.Delivery, *, plane_time_us: int, quote: Quote, holds: bool) -> str | None:
    """The code of why this delivery must not be executed, None if it may be.

    A gap fill is an opening that was too old when it was sent, and says nothing but that. Age and price hold back
    only what raises exposure; what manages or cuts it needs a position to act on.
    """
    if delivery.gap_fill:
        return TTL_EXPIRED
    if delivery.action not in RAISES_EXPOSURE:
        return None if holds else NO_POSITION
    if plane_time_us > delivery.expires_at_us > 0:
        return TTL_EXPIRED
    moved = abs(quote.to_open(side_of(delivery)) - delivery.price_e8)
    if moved > delivery.max_deviation_e8 > 0:
        return PRICE_DEVIATION
    return None


def side_of(delivery: pb.Delivery) -> Side:
    return "BUY" if delivery.side == pb.BUY else "SELL"
