"""The book that the settings make of the master's, in plain Python. Lots and prices are in 1e-8."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from ops.demo.broker import OrderType
from ops.demo.strategy import Side


@dataclass
class Entry:
    """An open position or pending order of the master; `volumes` are all that it had, the newest last."""

    side: Side
    order_type: OrderType
    price: int
    volumes: list[int]
    stops: tuple[int, int] = (0, 0)
    symbol: str = field(default="EURUSD")

    @property
    def volume(self) -> int:
        return self.volumes[-1]


@dataclass(frozen=True)
class Wish:
    """Copy settings. `step` is the broker's and `minimum` the subscriber's."""

    multiplier: Fraction = Fraction(1)
    minimum: int = 1_000_000
    maximum: int = 10_000_000_000
    step: int = 1_000_000
    reverse: bool = False

    def opened(self, volume: int) -> int:
        """What is opened for so many lots of the master; 0: nothing."""
        wanted = volume * self.multiplier // self.step * self.step
        return min(wanted, self._highest) if wanted >= self._lowest else 0

    def remains(self, opened_at: int, volume: int) -> int:
        """What is left of what was opened when the master had `opened_at`, now that he has `volume`."""
        opened = self.opened(opened_at)
        left = opened if volume >= opened_at else opened * volume // opened_at // self.step * self.step
        return left if left >= self._lowest else 0

    @property
    def _lowest(self) -> int:
        return -(-self.minimum // self.step) * self.step

    @property
    def _highest(self) -> int:
        return self.maximum // self.step * self.step


@dataclass(frozen=True)
class Copy:
    """What a follower holds for an entry. Lots: any of these, since a late joiner rounds what is left by then."""

    side: Side
    order_type: OrderType
    price: int
    stops: tuple[int, int]
    lots: frozenset[int]


def follow(book: Mapping[int, Entry], wish: Wish) -> dict[int, Copy]:
    """By the master's position."""
    return {position: _copy(entry, wish) for position, entry in book.items()}


def _copy(entry: Entry, wish: Wish) -> Copy:
    lots = frozenset(wish.remains(opened_at, entry.volume) for opened_at in entry.volumes)
    if not wish.reverse:
        return Copy(entry.side, entry.order_type, entry.price, entry.stops, lots)
    turned: dict[OrderType, OrderType] = {"LIMIT": "STOP", "STOP": "LIMIT", "MARKET": "MARKET"}
    stop_loss, take_profit = entry.stops
    return Copy(
        "SELL" if entry.side == "BUY" else "BUY", turned[entry.order_type], entry.price, (take_profit, stop_loss), lots
    )
