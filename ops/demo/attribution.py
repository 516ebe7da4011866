"""Which lots at the broker belong to which copy, read off the broker's history and nothing else.

Every order carries the decision that it was sent for in its comment. So whoever lost all else finds again what was
done already, and on a netting account which part of a net position is whose.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import NamedTuple

from ops.demo.broker import Deal, Order, PaperBroker
from ops.demo.strategy import Side


class Decision(NamedTuple):
    """What an order was sent for. `position_id` is the master's."""

    subscription_id: int
    delivery_seq: int
    position_id: int

    @property
    def comment(self) -> str:
        return ".".join(map(str, self))

    @property
    def key(self) -> "Key":
        return Key(self.subscription_id, self.position_id)


class Key(NamedTuple):
    """Of a copy."""

    subscription_id: int
    position_id: int


@dataclass
class Copy:
    """What is open for a position of a master. `ticket` is that of the order which opened it."""

    symbol: str
    side: Side
    ticket: int
    delivery_seq: int
    volume: int
    price: int
    stop_loss: int = 0
    take_profit: int = 0


def read_comment(comment: str) -> Decision | None:
    """What the comment says, if it is one of ours."""
    parts = comment.split(".")
    return Decision(*map(int, parts)) if len(parts) == 3 and all(map(str.isdecimal, parts)) else None


class Attribution:
    """`copies` are those that hold something. `unexpected` are deals that no order of the running terminal is known to
    have made: stops that were hit, pending orders that were filled, answers that were lost; `untold` are those of them
    that no book has told."""

    def __init__(self, broker: PaperBroker) -> None:
        self.copies: dict[Key, Copy] = {}
        self.tickets: dict[Key, int] = {}
        self.profits: Counter[int] = Counter()
        self._known: dict[tuple[int, int], Decision] = {}
        self.unexpected: dict[Key, list[Deal]] = {}
        self.untold: set[Key] = set()
        self._broker = broker
        self._deals: defaultdict[tuple[int, int], list[Deal]] = defaultdict(list)
        self._placed: dict[tuple[int, int], Order] = {}
        self._deals_read = self._placed_read = 0
        self.read()

    def read(self, *, is_expected: bool = True) -> None:
        """Take in what is new in the history."""
        for order in self._broker.placed[self._placed_read :]:
            if found := read_comment(order.comment):
                self._placed[found[:2]] = order
                self._known[found[:2]] = found
        self._placed_read = len(self._broker.placed)
        for deal in self._broker.deals[self._deals_read :]:
            if key := self._key(deal):
                self._take(key, deal)
                if not is_expected:
                    self.surprise(key, [deal])
        self._deals_read = len(self._broker.deals)

    def surprise(self, key: Key, deals: list[Deal]) -> None:
        """The book of this copy is not what was reported."""
        self.unexpected.setdefault(key, []).extend(deals)
        self.untold.add(key)

    def explained(self, key: Key) -> list[Deal]:
        """A report tells it now: what it was, asked once."""
        self.untold.discard(key)
        return self.unexpected.pop(key, [])

    def told(self, subscription_id: int) -> None:
        """A book tells it now. A net position does not say what became of whom: the reports still have to."""
        told = {key for key in self.untold if key.subscription_id == subscription_id}
        self.untold -= told
        if self._broker.mode == "HEDGING":
            for key in told:
                del self.unexpected[key]

    def deals(self, subscription_id: int, delivery_seq: int) -> list[Deal]:
        """What was traded for a delivery."""
        return self._deals.get((subscription_id, delivery_seq), [])

    def closed_by_market(self, key: Key) -> list[Deal]:
        """What closed a copy without an order of ours; asked once."""
        return [deal for deal in self.explained(key) if read_comment(deal.comment) is None]

    def known(self) -> list[Decision]:
        """What the history has been traded for, in the order of the deliveries."""
        return sorted(self._known.values(), key=lambda found: found.delivery_seq)

    def newest(self, subscription_id: int) -> int:
        """Deliveries are executed in order: those up to the newest in the history were."""
        return max((seq for number, seq in self._known if number == subscription_id), default=0)

    def placed(self, subscription_id: int, delivery_seq: int) -> Order | None:
        """The pending order that was placed for a delivery, whatever became of it."""
        return self._placed.get((subscription_id, delivery_seq))

    def all_pending(self) -> list[tuple[Order, Decision]]:
        """Our pending orders."""
        found = ((order, read_comment(order.comment)) for order in self._broker.orders.values())
        return [(order, of) for order, of in found if of is not None]

    def pending(self, key: Key) -> Order | None:
        """The pending order of a copy."""
        return next((order for order, of in self.all_pending() if of.key == key), None)

    def in_symbol(self, symbol: str) -> list[Copy]:
        return [copy for copy in self.copies.values() if copy.symbol == symbol]

    def floating(self, subscription_id: int, time_us: int) -> int:
        """What closing the subscription's copies at the prices of that moment would bring."""
        return sum(
            self._profit(copy, self._broker.quote(copy.symbol, time_us).to_close(copy.side), copy.volume)
            for key, copy in self.copies.items()
            if key.subscription_id == subscription_id
        )

    def _key(self, deal: Deal) -> Key | None:
        """Whose it is: by its comment, else by the position; a net position has one owner or cannot be told apart."""
        if found := read_comment(deal.comment):
            self._deals[found[:2]].append(deal)
            self._known[found[:2]] = found
            return found.key
        owners = [
            key
            for key, copy in self.copies.items()
            if (copy.symbol == deal.symbol if self._broker.mode == "NETTING" else copy.ticket == deal.position)
        ]
        return owners[0] if len(owners) == 1 else None

    def _take(self, key: Key, deal: Deal) -> None:
        copy = self.copies.get(key)
        if copy is None:
            found = read_comment(deal.comment)
            assert found is not None  # what has no comment belongs to a copy that is there
            copy = Copy(deal.symbol, deal.side, deal.ticket, found.delivery_seq, deal.volume, deal.price)
            if order := self.placed(*found[:2]):
                copy.stop_loss, copy.take_profit = order.stop_loss, order.take_profit
            self.copies[key], self.tickets[key] = copy, copy.ticket
        elif deal.side == copy.side:
            copy.price = (copy.price * copy.volume + deal.price * deal.volume) // (copy.volume + deal.volume)
            copy.volume += deal.volume
        else:
            volume = min(copy.volume, deal.volume)
            self.profits[key.subscription_id] += self._profit(copy, deal.price, volume)
            copy.volume -= volume
            if not copy.volume:
                del self.copies[key]

    def _profit(self, copy: Copy, price: int, volume: int) -> int:
        moved = price - copy.price if copy.side == "BUY" else copy.price - price
        return self._broker.instruments[copy.symbol].money(moved, volume)
