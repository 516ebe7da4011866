"""What the plane says that followers hold, beside what their brokers say."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from psycopg import Connection

from ops import explain
from ops.demo.bars import E8
from ops.demo.copier import Copier
from ops.demo.master import Master
from ops.demo.strategy import Side

SETTLE_S = 30.0
POLL_S = 0.02

# What must be open of a copy is what the decisions left of it, unless the market closed it at the broker.
IMPLIED = """
select position_id, symbol, side, target_volume
from signals.copies
where subscription_id = %s and status in ('OPEN', 'CLOSING') and target_volume > 0
"""

DECIDED = """
select
  count(*) filter (where part = 0 and delivery_seq is null),
  count(*) filter (where reason = 'CAUGHT_UP' and action in ('OPEN', 'PLACE'))
from signals.decisions
where subscription_id = %s
"""

# By position of the master, what it holds.
Book = dict[int, Side]


class Held(NamedTuple):
    """What is open for one position of the master."""

    symbol: str
    side: Side
    volume: int

    def __str__(self) -> str:
        return f"{self.side} {self.volume / E8:.2f} {self.symbol}"


async def settle(db: Connection[Any], master: Master, copiers: list[Copier]) -> list[str]:
    """Wait until every signal is decided, dispatched, executed and reported; who was not at rest in time, in words."""
    late = []
    waits = {"the master": master.settle()} | {c.follower.name: _rest(db, master, c) for c in copiers}
    for who, rest in waits.items():
        try:
            await asyncio.wait_for(rest, SETTLE_S)
        except TimeoutError:
            late.append(f"{who} did not come to rest within {SETTLE_S:.0f} s")
    return late


async def _rest(db: Connection[Any], master: Master, copier: Copier) -> None:
    """Wait until the newest signal was decided for the copier, nothing is left to execute or to be acked, and its
    terminal has told what its market did."""
    terminal = copier.terminal
    while True:
        row = explain.read(db, copier.subscription_id, master.epoch, master.last_seq)
        if row["outcome"] != "PENDING":
            await terminal.pulse()
            newest = await terminal.newest(copier.subscription_id)
            if terminal.idle and terminal.last >= newest:
                return
        await asyncio.sleep(POLL_S)


def differences(db: Connection[Any], book: Book, copiers: list[Copier]) -> list[str]:
    """Where a broker's book is not what the master's and the plane's decisions imply, in words."""
    found = []
    for copier in copiers:
        name, expected, held = copier.follower.name, _implied(db, copier), _attributed(copier)
        if held != expected:
            found.append(f"{name} holds {_said(held)}, and should hold {_said(expected)}")
        if _at_broker(copier) != _sums(copier):
            found.append(f"{name}'s broker holds something else than the copies: {_at_broker(copier)}")
        sides = {position: _turned(side) if copier.follower.reverse else side for position, side in book.items()}
        if any(copy.side != sides.get(position) for position, copy in held.items()):
            found.append(f"{name} holds {_said(held)}, where the master has {book or 'nothing'}")
    return found


def count(db: Connection[Any], copier: Copier) -> None:
    """Put down what the plane decided without a signal, and what it decided not to deliver."""
    row = db.execute(DECIDED, [copier.subscription_id]).fetchone()
    assert row is not None
    copier.skips, copier.caught_up = row


def _implied(db: Connection[Any], copier: Copier) -> dict[int, Held]:
    rows = db.execute(IMPLIED, [copier.subscription_id]).fetchall()
    # On a netting account the plane cannot see which copy the market has closed, until its close is reported.
    gone = {key.position_id for key in copier.terminal.execution.books.unexpected}
    return {
        position: Held(symbol, side, int(volume * E8))
        for position, symbol, side, volume in rows
        if position not in gone
    }


def _attributed(copier: Copier) -> dict[int, Held]:
    """By the comments in the broker's history."""
    return {
        key.position_id: Held(copy.symbol, copy.side, copy.volume)
        for key, copy in copier.terminal.execution.books.copies.items()
    }


def _at_broker(copier: Copier) -> Counter[object]:
    """Signed lots: of each ticket, or on a netting account of each symbol."""
    is_net = copier.follower.mode == "NETTING"
    return _nonzero(
        (position.symbol if is_net else position.ticket, position.side, position.volume)
        for position in copier.broker.positions.values()
    )


def _sums(copier: Copier) -> Counter[object]:
    """The same of the copies."""
    is_net = copier.follower.mode == "NETTING"
    return _nonzero(
        (copy.symbol if is_net else copy.ticket, copy.side, copy.volume)
        for copy in copier.terminal.execution.books.copies.values()
    )


def _nonzero(rows: Iterable[tuple[object, Side, int]]) -> Counter[object]:
    sums: Counter[object] = Counter()
    for key, side, volume in rows:
        sums[key] += volume if side == "BUY" else -volume
    return Counter({key: volume for key, volume in sums.items() if volume})


def _turned(side: Side) -> Side:
    return "SELL" if side == "BUY" else "BUY"


def _said(held: dict[int, Held]) -> str:
    return ", ".join(f"{copy} for {position}" for position, copy in sorted(held.items())) or "nothing"
