"""A paper broker: a hedging account whose quotes come from the market with a spread and a feed of their own."""

import zlib
from dataclasses import dataclass
from typing import NamedTuple

from ops.demo.bars import E8
from ops.demo.market import Market, Tick
from ops.demo.strategy import Side

CONTRACT = 100_000
FIRST_TICKET = 500_001
# A feed strays from the market by up to this part of what the price moved in the bar.
STRAY = 8


class Rejected(Exception):
    """The broker does not take the order."""


class Quote(NamedTuple):
    """What the broker buys and sells at."""

    bid: int
    ask: int

    def to_open(self, side: Side) -> int:
        return self.ask if side == "BUY" else self.bid

    def to_close(self, side: Side) -> int:
        return self.bid if side == "BUY" else self.ask


class Fill(NamedTuple):
    """What was traded."""

    ticket: int
    price: int
    volume: int


@dataclass
class Holding:
    """An open position of the account. The stops are kept, and acting on them is left to the master's close."""

    ticket: int
    side: Side
    volume: int
    price: int
    stop_loss: int
    take_profit: int


class PaperBroker:
    """One account. Amounts of money are in 1e-8 of the quote currency. Every `refuses_every`-th order is refused."""

    def __init__(self, name: str, market: Market, *, point: int, spread: int, refuses_every: int | None = None) -> None:
        self.book: dict[int, Holding] = {}
        self.realised = 0
        self._name = name
        self._market = market
        self._point = point
        self._spread = spread
        self._refuses_every = refuses_every
        self._orders = 0
        self._next_ticket = FIRST_TICKET

    def quote(self, time_us: int) -> Quote:
        """The broker's prices at that moment."""
        tick = self._market.at(time_us)
        middle = tick.middle + self._stray(tick)
        bid = max((middle - self._spread // 2) // self._point, 1) * self._point
        return Quote(bid, bid + self._spread)

    def open(self, side: Side, volume: int, stop_loss: int, take_profit: int, time_us: int) -> Fill:
        """A market order. Raises Rejected."""
        self._take_order()
        price = self.quote(time_us).to_open(side)
        ticket = self._next_ticket
        self._next_ticket += 1
        self.book[ticket] = Holding(ticket, side, volume, price, stop_loss, take_profit)
        return Fill(ticket, price, volume)

    def reduce(self, ticket: int, remaining: int, time_us: int) -> Fill:
        """Close all but `remaining`; to be there already is no error. Raises Rejected."""
        self._take_order()
        holding = self.book[ticket]
        price = self.quote(time_us).to_close(holding.side)
        traded = max(holding.volume - remaining, 0)
        self.realised += _profit(holding, price, traded)
        holding.volume -= traded
        if not holding.volume:
            del self.book[ticket]
        return Fill(ticket, price, traded)

    def modify(self, ticket: int, stop_loss: int, take_profit: int) -> None:
        """Move the stops. Raises Rejected."""
        self._take_order()
        self.book[ticket].stop_loss = stop_loss
        self.book[ticket].take_profit = take_profit

    def profit(self, time_us: int) -> int:
        """Realised and open, at the prices of that moment."""
        open_profit = 0
        if self.book:
            quote = self.quote(time_us)
            open_profit = sum(_profit(held, quote.to_close(held.side), held.volume) for held in self.book.values())
        return self.realised + open_profit

    def _take_order(self) -> None:
        self._orders += 1
        if self._refuses_every and self._orders % self._refuses_every == 0:
            raise Rejected

    def _stray(self, tick: Tick) -> int:
        """The same for the same tick in every run: a hash, not chance."""
        noise = zlib.crc32(f"{self._name} {tick.middle} {tick.swing}".encode()) % 2001 - 1000
        return tick.swing * noise // 1000 // STRAY


def _profit(holding: Holding, price: int, volume: int) -> int:
    direction = 1 if holding.side == "BUY" else -1
    return (price - holding.price) * direction * volume * CONTRACT // E8
