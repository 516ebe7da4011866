"""A follower at work: the terminal and the broker that the cast gives it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ops.demo.bars import Survey
from ops.demo.broker import PaperBroker
from ops.demo.cast import Follower, Subscriber
from ops.demo.faults import Fault, every, never
from ops.demo.instrument import Instrument
from ops.demo.market import Market
from ops.demo.tally import Tally
from ops.demo.terminal import Habits, Terminal

# A terminal that hangs does so for this part of its TTL: what opens meanwhile is too old afterwards.
HANG = 1.2


@dataclass
class Copier:
    """`missed` is how many signals the master had made when it came, `caught_up` how many openings catch-up made up
    for, and `skipped` what the plane did not deliver: as far as can be told from here, in the end by its own word."""

    follower: Follower
    subscription_id: int
    terminal: Terminal
    missed: int = 0
    skips: int | None = None
    caught_up: int = 0

    @property
    def tally(self) -> Tally:
        return self.terminal.tally

    @property
    def broker(self) -> PaperBroker:
        return self.terminal.broker

    def skipped(self, rulings: Mapping[str, int]) -> int:
        if self.skips is not None:
            return self.skips
        return max(rulings["ACCEPTED"] - self.missed - self.terminal.last, 0)


def instrument(follower: Follower, symbol: str, bars: Survey, market: Market) -> Instrument:
    """What the follower's broker makes of the master's symbol."""
    pair = re.fullmatch("([A-Z]{3})([A-Z]{3})", symbol)
    base, profit = pair.groups() if pair else ("", "")
    return Instrument(
        symbol + follower.suffix,
        market,
        max(round(follower.spread * bars.swing / bars.point), 1) * bars.point,
        digits=bars.digits,
        base_currency=base,
        profit_currency=profit,
        feed=follower.name,
    )


def equip(
    subscriber: Subscriber, symbol: str, bars: Survey, market: Market, port: int, on_signal: Callable[[int], None]
) -> Copier:
    """Not connected yet. `on_signal` is the terminal's."""
    follower = subscriber.follower
    broker = PaperBroker(
        [instrument(follower, symbol, bars, market)],
        mode=follower.mode,
        faults=every(follower.refuses_every, Fault.REJECT) if follower.refuses_every else never,
    )
    habits = Habits(
        compressed=True,
        loses=follower.loses,
        hangs_every=follower.hangs_every,
        hangs_s=HANG * follower.ttl_ms / 1000,
    )
    terminal = Terminal(subscriber.token, port, broker, [subscriber.subscription_id], habits, on_signal)
    return Copier(follower, subscriber.subscription_id, terminal)
