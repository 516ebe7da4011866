"""The master's strategy: a crossover of two moving averages, with a stop that trails and half taken at a target.

Deterministic and in integers: prices and volumes in 1e-8. It knows nothing of the plane.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ops.demo.bars import E8, Bar, true_range

Action = Literal["OPEN", "MODIFY", "PARTIAL_CLOSE", "CLOSE"]
Side = Literal["BUY", "SELL"]

FAST = 10
SLOW = 30
STOP = 3  # in average bar ranges
TARGET = 2
TRAIL_STEP = 4  # a stop moves by a quarter of the average range or more, or not at all

LOT_STEP = E8 // 100
SMALLEST, LARGEST = 2 * LOT_STEP, 200 * LOT_STEP
# Lots are chosen so that a stop costs about this share of the price of one lot.
RISK = 250


class Intent(NamedTuple):
    """What the master wants: the fields of a signal that are the strategy's to say. `price` is its own fill."""

    action: Action
    side: Side
    position_id: int
    volume: int
    price: int
    stop_loss: int


@dataclass
class Position:
    """What the master holds."""

    position_id: int
    side: Side
    volume: int
    entry: int
    stop_loss: int
    target: int
    halved: bool = False

    @property
    def direction(self) -> int:
        return 1 if self.side == "BUY" else -1


class Crossover:
    """Feed it bars in order. `held` is its book: one position at most. `point` is the smallest price step."""

    def __init__(self, point: int) -> None:
        self._point = point
        self.held: Position | None = None
        self._closes: deque[int] = deque(maxlen=SLOW)
        self._ranges: deque[int] = deque(maxlen=SLOW)
        self._before: Bar | None = None
        self._trend = 0
        self._opened = 0

    def on_bar(self, bar: Bar) -> Iterator[Intent]:
        """What to do in this bar: first at its open, by what was known before it, then as its prices pass."""
        if len(self._closes) == SLOW:
            yield from self._at_open(bar)
            yield from self._within(bar)
        self._ranges.append(true_range(bar, self._before or bar))
        self._closes.append(bar.close)
        self._before = bar

    def close(self, price: int) -> Iterator[Intent]:
        """End of the run: hold nothing."""
        if self.held is not None:
            yield self._close(price)

    def _at_open(self, bar: Bar) -> Iterator[Intent]:
        recent = list(self._closes)
        # The fast average less the slow one, without the division.
        difference = SLOW * sum(recent[-FAST:]) - FAST * sum(recent)
        trend = (difference > 0) - (difference < 0)
        if trend in (0, self._trend):
            return
        self._trend = trend
        if self.held is not None:
            yield self._close(bar.open)
        yield from self._open("BUY" if trend > 0 else "SELL", bar.open)

    def _within(self, bar: Bar) -> Iterator[Intent]:
        held = self.held
        if held is None:
            return
        worst, best = (bar.low, bar.high) if held.side == "BUY" else (bar.high, bar.low)
        if (worst - held.stop_loss) * held.direction <= 0:
            # A bar that opens beyond the stop is left at its open: there was no better price.
            beyond = (bar.open - held.stop_loss) * held.direction <= 0
            yield self._close(bar.open if beyond else held.stop_loss)
            return
        if not held.halved and (best - held.target) * held.direction >= 0:
            held.halved = True
            remainder = held.volume // 2 // LOT_STEP * LOT_STEP
            if 0 < remainder < held.volume:
                held.volume = remainder
                yield self._intent("PARTIAL_CLOSE", held.target)
        yield from self._trail(held, bar.close)

    def _trail(self, held: Position, close: int) -> Iterator[Intent]:
        swing = self._swing()
        stop = close - held.direction * (STOP - held.halved) * swing
        if (stop - held.stop_loss) * held.direction >= max(swing // TRAIL_STEP, 1) and stop > 0:
            held.stop_loss = stop
            yield self._intent("MODIFY", close)

    def _open(self, side: Side, price: int) -> Iterator[Intent]:
        swing = self._swing()
        direction = 1 if side == "BUY" else -1
        stop = price - direction * STOP * swing
        if stop <= 0:
            return
        lots = E8 * price // (STOP * swing * RISK)
        volume = min(max(lots // LOT_STEP * LOT_STEP, SMALLEST), LARGEST)
        self._opened += 1
        self.held = Position(self._opened, side, volume, price, stop, price + direction * TARGET * swing)
        yield self._intent("OPEN", price)

    def _close(self, price: int) -> Intent:
        intent = self._intent("CLOSE", price)
        self.held = None
        return intent

    def _intent(self, action: Action, price: int) -> Intent:
        assert self.held is not None
        held = self.held
        return Intent(action, held.side, held.position_id, held.volume, price, held.stop_loss)

    def _swing(self) -> int:
        """The average range of the recent bars, in whole points and never 0."""
        average = sum(self._ranges) // len(self._ranges)
        return max(average // self._point, 1) * self._point
