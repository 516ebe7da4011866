"""The one market that the master and every paper broker look at: prices out of the bars, stamped with plane time.

The demo plays an hour of the bars in milliseconds. The way to a subscriber is not played faster, so a copy would
find a market hours older than the one its signal was made in. Hence a quote is taken for a moment of plane time:
for a copy that comes live the moment at which its signal was sent, for one that comes late the present.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

# Ticks are looked up by when they happened; a copy that is this many ticks behind is shown the oldest one kept.
KEPT = 20_000


class Tick(NamedTuple):
    """What one unit costs (1e-8), from a moment of plane time (µs) on; `swing` is what it moved in its bar."""

    time_us: int
    middle: int
    swing: int


class Moment(NamedTuple):
    """When an order is executed: the time whose prices it gets, and the time it really is. Plane time, µs."""

    market_us: int
    now_us: int


class Market:
    """Prices so far."""

    def __init__(self) -> None:
        self._ticks: list[Tick] = []

    def tick(self, time_us: int, middle: int, swing: int = 0) -> None:
        """The price moves."""
        self._ticks.append(Tick(time_us, middle, swing))
        if len(self._ticks) > 2 * KEPT:
            del self._ticks[:KEPT]

    def at(self, time_us: int) -> Tick:
        """The price that held at that moment."""
        return self._ticks[max(self._count(time_us) - 1, 0)]

    def between(self, after_us: int, until_us: int) -> Sequence[Tick]:
        """How it moved after one moment and until another, which is included."""
        return self._ticks[self._count(after_us) : self._count(until_us)]

    def _count(self, until_us: int) -> int:
        return bisect_right(self._ticks, until_us, key=lambda tick: tick.time_us)
