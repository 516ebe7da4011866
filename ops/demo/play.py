"""The run itself: bars make signals, signals make copies, while the adversary does her worst."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from psycopg import Connection

from gateway import ecp_pb2 as pb
from gateway.client import Client
from ops.demo import books, cast
from ops.demo.adversary import Wiretap, Wiretapper
from ops.demo.bars import BadBars, Bar, Survey, read, survey, true_range
from ops.demo.books import Book
from ops.demo.cast import FOLLOWERS, TTL_MS, Cast, Follower, Subscriber
from ops.demo.copier import Copier, equip
from ops.demo.market import Market
from ops.demo.master import Master
from ops.demo.strategy import LARGEST, SLOW, Action, Crossover, Intent, Side

# Whoever was away for longer than this finds the openings of that time too old.
AWAY_S = 1.2 * TTL_MS / 1000
TRADES_MISSED = 3

# Beside its strategy the master trades so many positions at once, after such a part of the bars, for such a part.
BURST = 8
BURST_AT, BURST_FOR = 0.7, 0.02
# Far from the positions of the strategy.
BURST_POSITION = 1_000_000


@dataclass(frozen=True)
class Script:
    """What is played. `pace` is in bars per second; the bars wait for the plane, never the other way round."""

    path: Path
    limit: int | None
    pace: float
    survey: Survey


def script(path: Path, limit: int | None, pace: float) -> Script:
    """Read all that will be played before anybody trades on it. Raises BadBars, also when no trade comes of it."""
    found = survey(path, limit)
    strategy = Crossover(found.point)
    if not any(intent for bar in islice(read(path), limit) for intent in strategy.on_bar(bar)):
        raise BadBars(
            "TRD15",
            f"{path}: no trade comes of {found.count} bars",
            f"the averages must cross after the first {SLOW} bars: give a longer file, or a larger --limit",
        )
    return Script(path, limit, pace, found)


@dataclass
class Play:
    """A run while it goes on, and what is known of it afterwards."""

    cast: Cast
    port: int
    survey: Survey
    market: Market
    strategy: Crossover
    master: Master
    copiers: list[Copier]
    adversary: Wiretapper
    bars: int = 0
    over: bool = False
    book: Book = field(default_factory=dict)
    openings: list[int] = field(default_factory=list)
    unlike: list[str] = field(default_factory=list)
    now_us: int = 0
    moved: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def first_copy_at(self) -> float | None:
        return min((copier.tally.first_copy_at for copier in self.copiers if copier.tally.first_copy_at), default=None)

    async def move_on(self, bars: int, *, over: bool = False) -> None:
        """So many bars were played."""
        async with self.moved:
            self.bars, self.over = bars, over
            self.moved.notify_all()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for something that the bars bring about, or for their end."""
        async with self.moved:
            await self.moved.wait_for(lambda: self.over or condition())


async def prepare(cast: Cast, script: Script, port: int) -> Play:
    """Everybody connected, and nothing played yet."""
    bars, market = script.survey, Market()
    client = await Client.connect("127.0.0.1", port, cast.master.token, name="demo-master")
    opened = await client.open_stream(cast.master.stream)
    master = Master(client, cast.master, opened, cast.symbol)
    copiers = [equip(subscriber, cast.symbol, bars, market, port, master.heard) for subscriber in cast.subscribers]
    for copier in copiers:
        await copier.terminal.connect()
    adversary = Wiretapper(cast, port, master)
    return Play(cast, port, bars, market, Crossover(bars.point), master, copiers, adversary)


async def perform(play: Play, script: Script, db: Connection[Any]) -> None:
    """Play all bars and bring everything to rest. Raises an ExceptionGroup when the plane goes away."""
    async with asyncio.TaskGroup() as stage:
        working = [stage.create_task(copier.terminal.run()) for copier in play.copiers]
        working.append(stage.create_task(_watch(play)))
        async with asyncio.TaskGroup() as acts:
            acts.create_task(play.adversary.knock())
            acts.create_task(play.adversary.abuse())
            for copier in play.copiers:
                if copier.follower.breaks:
                    acts.create_task(_lose_connection(play, copier))
                if copier.follower.dies:
                    acts.create_task(_die(play, copier))
            for subscriber in play.cast.subscribers:
                if subscriber.follower.paid_later:
                    acts.create_task(_pay_in(play, subscriber, db))
            acts.create_task(_bars(play, script, db))
            for follower in FOLLOWERS:
                if follower.joins_late:
                    copier = await _join(play, follower, db)
                    working.append(stage.create_task(copier.terminal.run()))
        await _compare(play, db)
        _close(play)
        await _compare(play, db)
        play.adversary.look_back()
        for copier in play.copiers:
            books.count(db, copier)
        for task in working:
            task.cancel()


async def _compare(play: Play, db: Connection[Any]) -> None:
    """At rest, every broker's book must follow from the master's."""
    play.unlike += await books.settle(db, play.master, play.copiers)
    play.unlike += books.differences(db, play.book, play.copiers)


async def leave(play: Play) -> None:
    """Everybody logs out."""
    for copier in play.copiers:
        if copier.terminal.connected:
            await copier.terminal.client.close()
    await play.master.client.close()


async def _bars(play: Play, script: Script, db: Connection[Any]) -> None:
    """Play the bars; one attempt on the wire in each stretch of them, and in the last but one a signal held back."""
    wiretaps = deque(play.adversary.wiretaps())
    stretch = due = max(script.survey.count // (len(wiretaps) + 2), 1)
    started = time.perf_counter()
    burst = range(int(script.survey.count * BURST_AT), int(script.survey.count * (BURST_AT + BURST_FOR)) + 1)
    before: Bar | None = None
    for number, bar in enumerate(islice(read(script.path), script.limit), 1):
        await asyncio.sleep(max(started + number / script.pace - time.perf_counter(), 0))
        await play.master.room()
        swing = true_range(bar, before or bar)
        before = bar
        play.market.tick(_now_us(play), bar.open, swing)
        for intent in play.strategy.on_bar(bar):
            _act(play, intent, swing, is_held_back=number >= due and not wiretaps and play.adversary.holds_back(intent))
            if wiretaps and number >= due:
                due += stretch
                await play.master.settle()
                await _tap(play, wiretaps.popleft(), db)
        if number == burst.start:
            _burst(play, bar.close)
        if number == burst.stop:
            _close_burst(play, bar.close)
        await play.move_on(number, over=number == script.survey.count)
    await play.master.settle()
    for wiretap in wiretaps:
        await _tap(play, wiretap, db)


async def _tap(play: Play, wiretap: Wiretap, db: Connection[Any]) -> None:
    """What is injected counts against the master, until an operator who knows better sets it right."""
    await play.adversary.inject(wiretap)
    cast.restore_trust(db, play.cast.master)


def _act(play: Play, intent: Intent, swing: int, *, is_held_back: bool = False) -> None:
    """The price at which the master acts is the market's at that moment."""
    now = _now_us(play)
    play.market.tick(now, intent.price, swing)
    seq = play.master.send(intent, now, is_lost=is_held_back)
    match intent.action:
        case "OPEN":
            play.book[intent.position_id] = intent.side
            play.openings.append(seq)
        case "CLOSE":
            del play.book[intent.position_id]


def _close(play: Play) -> None:
    """The end of the bars: hold nothing."""
    price = play.market.at(_now_us(play)).middle
    for intent in play.strategy.close(price):
        _act(play, intent, 0)


def _burst(play: Play, price: int) -> None:
    """Many openings at once, in both directions."""
    for number in range(BURST):
        _act(play, burst_intent("OPEN", number, price), 0)


def _close_burst(play: Play, price: int) -> None:
    """As many closes at once."""
    for number in range(BURST):
        _act(play, burst_intent("CLOSE", number, price), 0)


def burst_intent(action: Action, number: int, price: int) -> Intent:
    side: Side = "SELL" if number % 3 == 0 else "BUY"
    return Intent(action, side, BURST_POSITION + number, LARGEST, price, 0)


async def _die(play: Play, copier: Copier) -> None:
    """Killed in the middle of the burst, started again at once, with nothing but the token; unless the burst comes when
    the bars are over, for then nobody would start it again."""
    terminal = copier.terminal
    terminal.die_at(lambda delivery: delivery.position_id == BURST_POSITION + BURST // 2 and not play.over)
    await play.until(terminal.died.is_set)
    if terminal.died.is_set():
        await terminal.restart(lose_state=True)


async def _join(play: Play, follower: Follower, db: Connection[Any]) -> Copier:
    """Half-way, when there is something to take over."""
    half = play.survey.count // 2
    await play.until(lambda: play.bars >= half and play.book)
    subscriber = cast.subscribe(db, play.cast, follower)
    copier = equip(subscriber, play.cast.symbol, play.survey, play.market, play.port, play.master.heard)
    copier.missed = play.master.rulings["ACCEPTED"]
    await copier.terminal.connect()
    play.copiers.append(copier)
    return copier


async def _pay_in(play: Play, subscriber: Subscriber, db: Connection[Any]) -> None:
    """Half-way."""
    await play.until(lambda: play.bars >= play.survey.count // 2)
    cast.pay_in(db, play.cast, subscriber, subscriber.follower.paid_later)


async def _lose_connection(play: Play, copier: Copier) -> None:
    """Half-way, with a copy open: away until the master has opened a few more, all too old to follow."""
    half, terminal = play.survey.count // 2, copier.terminal
    await play.until(lambda: play.bars >= half and terminal.broker.positions)
    if not terminal.broker.positions:
        return
    terminal.disconnect()
    missed = len(play.openings)
    await play.until(lambda: len(play.openings) >= missed + TRADES_MISSED)
    await asyncio.sleep(AWAY_S)
    await terminal.connect()


async def _watch(play: Play) -> None:
    """Nobody but those who mean to may lose their connection. Raises ConnectionError."""
    while True:
        await asyncio.sleep(0.1)
        clients = {"the master": play.master.client}
        clients |= {
            copier.follower.name: copier.terminal.client for copier in play.copiers if copier.terminal.connected
        }
        for who, client in clients.items():
            if client.ended.done():
                word = client.ended.result()
                said = f"{word.code}: {word.message}" if isinstance(word, pb.Error) else "no reason was given"
                raise ConnectionError(f"{who} lost the connection: {said}")


def _now_us(play: Play) -> int:
    """Plane time, never twice the same: a moment names a tick."""
    play.now_us = max(play.master.client.plane_time_us(), play.now_us + 1)
    return play.now_us
