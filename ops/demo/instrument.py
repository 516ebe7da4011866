"""A symbol as a broker trades it: its name there, its quotes, and what a lot of it is worth."""

import zlib
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ops.demo.bars import E8
from ops.demo.market import Market, Tick
from ops.demo.strategy import Side

TradeMode = Literal["FULL", "LONG_ONLY", "SHORT_ONLY", "CLOSE_ONLY", "DISABLED"]

# A feed strays from the market by up to this part of what the price moved in the bar.
STRAY = 8


class Quote(NamedTuple):
    """What the broker buys and sells at."""

    bid: int
    ask: int

    def to_open(self, side: Side) -> int:
        return self.ask if side == "BUY" else self.bid

    def to_close(self, side: Side) -> int:
        return self.bid if side == "BUY" else self.ask


@dataclass(frozen=True)
class Instrument:
    """Prices, volumes, sizes and money in 1e-8; money is in the profit currency. `feed` names the source of quotes:
    two brokers with the same one see the same prices."""

    symbol: str
    market: Market
    spread: int
    digits: int = 5
    contract_size: int = 100_000 * E8
    volume_min: int = E8 // 100
    volume_max: int = 100 * E8
    volume_step: int = E8 // 100
    base_currency: str = ""
    profit_currency: str = ""
    trade_mode: TradeMode = "FULL"
    feed: str = ""

    @property
    def tick_size(self) -> int:
        """The smallest step of a price."""
        return int(E8 // 10**self.digits)

    @property
    def tick_value(self) -> int:
        """What one lot gains with one tick."""
        return self.money(self.tick_size, E8)

    def money(self, moved: int, volume: int) -> int:
        """What so many lots gain when the price moves so far."""
        return moved * volume * self.contract_size // (E8 * E8)

    def quote(self, time_us: int) -> Quote:
        """The broker's prices at that moment."""
        return self.quote_at(self.market.at(time_us))

    def quote_at(self, tick: Tick) -> Quote:
        """What the broker makes of the market's price."""
        middle = tick.middle + self._stray(tick)
        bid = max((middle - self.spread // 2) // self.tick_size, 1) * self.tick_size
        return Quote(bid, bid + self.spread)

    def _stray(self, tick: Tick) -> int:
        """The same for the same tick in every run: a hash, not chance."""
        noise = zlib.crc32(f"{self.feed} {tick.middle} {tick.swing}".encode()) % 2001 - 1000
        return tick.swing * noise // 1000 // STRAY
