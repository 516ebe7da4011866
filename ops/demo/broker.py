"""A paper broker: an account, hedging or netting, with market and pending orders, stops that are hit, and a history."""

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, TypeVar

from ops.demo.bars import E8
from ops.demo.faults import Fault, Faults, never
from ops.demo.instrument import Instrument, Quote
from ops.demo.market import Moment
from ops.demo.strategy import Side

Mode = Literal["HEDGING", "NETTING"]
OrderType = Literal["MARKET", "LIMIT", "STOP"]
Thing = TypeVar("Thing")

FIRST_TICKET = 500_001
DEPOSIT = 100_000 * E8
STOP_LOSS, TAKE_PROFIT = "[sl]", "[tp]"
OPENING: dict[str, frozenset[Side]] = {
    "FULL": frozenset(("BUY", "SELL")),
    "LONG_ONLY": frozenset(("BUY",)),
    "SHORT_ONLY": frozenset(("SELL",)),
}


class Rejected(Exception):
    """The broker does not take the order."""


class Requoted(Rejected):
    """The broker would take it at another price."""

    def __init__(self, price: int) -> None:
        super().__init__(price)
        self.price = price


class NoAnswer(Exception):
    """The order was sent, and what became of it is not known."""


@dataclass(frozen=True)
class Deal:
    """What was traded. `ticket` is the order's, `position` that of the position which it opened, changed or closed."""

    ticket: int
    position: int
    symbol: str
    side: Side
    volume: int
    price: int
    comment: str
    time_us: int


@dataclass
class Position:
    """Open at the broker; its ticket is that of the order which opened it."""

    ticket: int
    symbol: str
    side: Side
    volume: int
    price: int
    stop_loss: int
    take_profit: int
    comment: str


@dataclass
class Order:
    """To be filled: now at `price`, or when the market comes to it."""

    ticket: int
    symbol: str
    side: Side
    order_type: OrderType
    volume: int
    price: int
    stop_loss: int
    take_profit: int
    comment: str
    time_us: int


class PaperBroker:
    """Prices, volumes and money in 1e-8. Time moves when it is told to (`advance`); pending orders and stops are
    filled then. `clock_offset_us` is the time zone of the broker's server."""

    def __init__(
        self,
        instruments: Iterable[Instrument],
        *,
        mode: Mode = "HEDGING",
        deposit: int = DEPOSIT,
        faults: Faults = never,
        clock_offset_us: int = 0,
    ) -> None:
        self.instruments = {instrument.symbol: instrument for instrument in instruments}
        self.mode = mode
        self.balance = deposit
        self.clock_offset_us = clock_offset_us
        self.positions: dict[int, Position] = {}
        self.orders: dict[int, Order] = {}
        self.deals: list[Deal] = []
        self.placed: list[Order] = []  # pending orders as they were placed, whatever became of them
        self._deposit = deposit
        self._faults = faults
        self._injected: deque[Fault | None] = deque()
        self._held: list[Callable[[], None]] = []
        self._sent = 0
        self._slip = 0
        self._time_us = 0
        self._last_ticket = FIRST_TICKET - 1

    # What can be seen

    def quote(self, symbol: str, time_us: int) -> Quote:
        """The prices of that moment. Raises Rejected for a symbol that is not traded here."""
        return self._instrument(symbol).quote(time_us)

    def net(self, symbol: str) -> Position | None:
        """The position of a netting account in the symbol."""
        return next((held for held in self.positions.values() if held.symbol == symbol), None)

    @property
    def realised(self) -> int:
        return self.balance - self._deposit

    def equity(self, time_us: int) -> int:
        """The balance, and what closing everything at the prices of that moment would add to it."""
        return self.balance + sum(
            self._profit(held, self.quote(held.symbol, time_us).to_close(held.side), held.volume)
            for held in self.positions.values()
        )

    # Orders

    def trade(
        self,
        symbol: str,
        side: Side,
        volume: int,
        moment: Moment,
        *,
        position: int = 0,
        stop_loss: int = 0,
        take_profit: int = 0,
        comment: str = "",
    ) -> None:
        """A market order; on a hedging account it closes as much of `position`, if one is named.

        What came of it is in `deals`. Raises Rejected, Requoted, NoAnswer.
        """
        instrument = self._instrument(symbol)
        self._check(instrument, side, volume, position)
        fault = self._next_fault()
        price = self.quote(symbol, moment.market_us).to_open(side) + self._slip
        self._slip = 0
        if fault is Fault.REQUOTE:
            self._slip = instrument.spread if side == "BUY" else -instrument.spread
            raise Requoted(price + self._slip)
        if fault is Fault.PARTIAL:
            step = instrument.volume_step
            volume = max(volume // 2 // step * step, min(instrument.volume_min, volume))
        order = Order(
            self._ticket(), symbol, side, "MARKET", volume, price, stop_loss, take_profit, comment, moment.now_us
        )
        self._carry_out(fault, partial(self._fill, order, price, moment.now_us, position))

    def place(
        self,
        symbol: str,
        side: Side,
        order_type: OrderType,
        volume: int,
        price: int,
        moment: Moment,
        *,
        stop_loss: int = 0,
        take_profit: int = 0,
        comment: str = "",
    ) -> None:
        """A pending order; it is in `orders` until it is filled or cancelled. Raises Rejected, NoAnswer."""
        self._check(self._instrument(symbol), side, volume)
        order = Order(
            self._ticket(), symbol, side, order_type, volume, price, stop_loss, take_profit, comment, moment.now_us
        )

        def book() -> None:
            self.orders[order.ticket] = order
            self.placed.append(replace(order))

        self._carry_out(self._next_fault(), book)

    def amend(self, ticket: int, volume: int, price: int, stop_loss: int, take_profit: int) -> None:
        """Change a pending order. Raises Rejected, NoAnswer."""

        def change() -> None:
            order = self._existing(self.orders, ticket)
            order.volume, order.price, order.stop_loss, order.take_profit = volume, price, stop_loss, take_profit

        self._carry_out(self._next_fault(), change)

    def cancel(self, ticket: int) -> None:
        """Take a pending order back. Raises Rejected, NoAnswer."""

        def remove() -> None:
            del self.orders[self._existing(self.orders, ticket).ticket]

        self._carry_out(self._next_fault(), remove)

    def modify(self, ticket: int, stop_loss: int, take_profit: int) -> None:
        """Move the stops of a position. Raises Rejected, NoAnswer."""

        def change() -> None:
            held = self._existing(self.positions, ticket)
            held.stop_loss, held.take_profit = stop_loss, take_profit

        self._carry_out(self._next_fault(), change)

    # Time

    def advance(self, until_us: int) -> None:
        """Let the market pass: what it touches is filled, at the price it then has."""
        moving = {order.symbol for order in self.orders.values()}
        moving |= {held.symbol for held in self.positions.values() if held.stop_loss or held.take_profit}
        for symbol in sorted(moving):
            instrument = self.instruments[symbol]
            for tick in instrument.market.between(self._time_us, until_us):
                self._touch(symbol, instrument.quote_at(tick), tick.time_us)
        self._time_us = max(self._time_us, until_us)

    def _touch(self, symbol: str, quote: Quote, time_us: int) -> None:
        for order in [order for order in self.orders.values() if order.symbol == symbol]:
            price = quote.to_open(order.side)
            # A limit waits for a better price than now, a stop for a worse one.
            waits_below = (order.side == "BUY") == (order.order_type == "LIMIT")
            if price <= order.price if waits_below else price >= order.price:
                del self.orders[order.ticket]
                self._fill(order, price, time_us)
        for held in [held for held in self.positions.values() if held.symbol == symbol]:
            price = quote.to_close(held.side)
            gained = _direction(held.side) * price
            if held.stop_loss and gained <= _direction(held.side) * held.stop_loss:
                self._close(held, price, time_us, STOP_LOSS)
            elif held.take_profit and gained >= _direction(held.side) * held.take_profit:
                self._close(held, price, time_us, TAKE_PROFIT)

    # Faults

    def inject(self, *faults: Fault | None) -> None:
        """What the next orders meet, before anything of the schedule."""
        self._injected.extend(faults)

    def release(self) -> None:
        """Do what was held: a fill that shows up late."""
        held, self._held = self._held, []
        for do in held:
            with suppress(Rejected):
                do()

    def _next_fault(self) -> Fault | None:
        self._sent += 1
        return self._injected.popleft() if self._injected else self._faults(self._sent)

    def _carry_out(self, fault: Fault | None, do: Callable[[], None]) -> None:
        if fault is Fault.REJECT:
            raise Rejected
        if fault is Fault.HELD:
            self._held.append(do)
        elif fault is not Fault.ORDER_LOST:
            do()
        if fault in (Fault.HELD, Fault.ORDER_LOST, Fault.ANSWER_LOST):
            raise NoAnswer

    # Fills

    def _check(self, instrument: Instrument, side: Side, volume: int, position: int = 0) -> None:
        """What brokers refuse whatever the market does."""
        if volume <= 0 or volume % instrument.volume_step:
            raise Rejected(f"{instrument.symbol}: the volume {volume} is not on the step")
        held = self._existing(self.positions, position) if position and self.mode == "HEDGING" else None
        closes = held if held is not None else self.net(instrument.symbol) if self.mode == "NETTING" else None
        if closes is not None and closes.side != side and volume <= closes.volume:
            if instrument.trade_mode == "DISABLED":
                raise Rejected(f"{instrument.symbol} is not traded")
            return
        if side not in OPENING.get(instrument.trade_mode, ()):
            raise Rejected(f"{instrument.symbol}: {instrument.trade_mode} takes no {side}")
        if not instrument.volume_min <= volume <= instrument.volume_max or held is not None:
            raise Rejected(f"{instrument.symbol}: the volume {volume} is not allowed")

    def _fill(self, order: Order, price: int, time_us: int, position: int = 0) -> None:
        held = self.net(order.symbol) if self.mode == "NETTING" else None
        if self.mode == "HEDGING" and position:
            held = self._existing(self.positions, position)
        volume, rest = order.volume, order.volume
        if held is not None and held.side != order.side:
            closed = min(held.volume, volume)
            rest = volume - closed if self.mode == "NETTING" else 0
            volume = closed + rest
            self._reduce(held, closed, price)
        elif held is not None:
            held.price = (held.price * held.volume + price * volume) // (held.volume + volume)
            held.volume += volume
            rest = 0
        if rest:
            self.positions[order.ticket] = Position(
                order.ticket, order.symbol, order.side, rest, price, order.stop_loss, order.take_profit, order.comment
            )
        ticket = held.ticket if held is not None else order.ticket
        self.deals.append(Deal(order.ticket, ticket, order.symbol, order.side, volume, price, order.comment, time_us))

    def _close(self, held: Position, price: int, time_us: int, comment: str) -> None:
        side: Side = "SELL" if held.side == "BUY" else "BUY"
        deal = Deal(self._ticket(), held.ticket, held.symbol, side, held.volume, price, comment, time_us)
        self._reduce(held, held.volume, price)
        self.deals.append(deal)

    def _reduce(self, held: Position, volume: int, price: int) -> None:
        self.balance += self._profit(held, price, volume)
        held.volume -= volume
        if not held.volume:
            del self.positions[held.ticket]

    def _profit(self, held: Position, price: int, volume: int) -> int:
        return self.instruments[held.symbol].money((price - held.price) * _direction(held.side), volume)

    def _instrument(self, symbol: str) -> Instrument:
        if symbol not in self.instruments:
            raise Rejected(f"{symbol} is not traded here")
        return self.instruments[symbol]

    @staticmethod
    def _existing(found: dict[int, Thing], ticket: int) -> Thing:
        if ticket not in found:
            raise Rejected(f"there is no {ticket}")
        return found[ticket]

    def _ticket(self) -> int:
        self._last_ticket += 1
        return self._last_ticket


def _direction(side: Side) -> int:
    return 1 if side == "BUY" else -1
