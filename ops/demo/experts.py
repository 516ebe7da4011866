"""`ecp demo --ea`: the same bars, money and adversary, with the shipped experts at every terminal.

Each is compiled from mql5/, and a process of its own with a terminal and a broker (ops.mql5). What befalls it is done
to the process: SIGKILL is the computer's power, a broker's refusal the broker's. MetaTrader's own prices are those of
now, so the bars wait until everybody has copied. What came of it is the plane's word, beside what the brokers hold.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from psycopg import Connection
from rich.console import Console

from ops.demo import cast
from ops.demo.adversary import Adversary
from ops.demo.attribution import read_comment
from ops.demo.bars import E8, Bar, Survey, read, true_range
from ops.demo.books import IMPLIED, POLL_S, SETTLE_S
from ops.demo.cast import FOLLOWERS, TTL_MS, Cast, Follower, Subscriber
from ops.demo.copier import instrument
from ops.demo.instrument import Instrument
from ops.demo.market import Market, Tick
from ops.demo.play import AWAY_S, BURST, BURST_AT, BURST_FOR, TRADES_MISSED, Script, burst_intent
from ops.demo.strategy import Crossover, Intent
from ops.mql5.build import build
from ops.mql5.expert import Expert
from ops.mql5.program import DONE, Report, Symbol, Value, specify
from ops.paths import ROOT, VAR

HOMES = VAR / "demo-experts"
SOURCES = ROOT / "mql5" / "Experts"
# The bars wait for a copy so long; then it comes too late in any case.
COPY_S = TTL_MS / 1000
LINES = 10

TROUBLE = {
    "alice": "her computer loses its power half-way",
    "bruno": "his broker refuses every 7th opening",
    "hugo": "his computer loses its power in a burst of openings, and its files",
}

STANDING = "select last_seq from signals.stream_heads where stream_id = %s"
# Decided for these and not reported, or not yet decided.
UNREPORTED = """
select
  (
    select count(*)
    from signals.dispatch_cursors as c
    inner join signals.stream_heads as h on h.lane = c.stream_lane and h.stream_id = c.stream_id
    where h.stream_id = %(stream)s and (c.epoch, c.seq) < (h.accepted_epoch, h.accepted_seq)
  ) + (
    select count(*)
    from signals.decisions as d
    left join signals.reports as r using (lane, subscription_id, delivery_seq)
    where d.subscription_id = any (%(subscriptions)s) and d.delivery_seq is not null
      and (r.status is null or r.status = 'UNKNOWN')
  )
"""
READY = """
select count(*)
from signals.portfolios as p
inner join signals.subscriptions as s using (portfolio_id)
where s.subscription_id = %s and p.equity is not null
"""


@dataclass
class Copier:
    """A follower's expert, and the broker that it trades with."""

    subscriber: Subscriber
    expert: Expert
    instrument: Instrument
    openings: int = 0

    @property
    def follower(self) -> Follower:
        return self.subscriber.follower

    async def see(self, tick: Tick) -> None:
        """The broker quotes what it makes of the market's price. A computer without power sees nothing."""
        if self.expert.is_up:
            bid, ask = self.instrument.quote_at(tick)
            await self.expert.program.quote(self.instrument.symbol, bid / E8, ask / E8)


class Held(NamedTuple):
    """What is open: of a position of the master, or of a net position (0)."""

    position: int
    side: str
    volume: float


class Show:
    """A run while it goes on, and what is known of it afterwards."""

    def __init__(self, people: Cast, survey: Survey, port: int, db: Connection[Any]) -> None:
        self.cast = people
        self.survey = survey
        self.bars = 0
        self.trades = 0
        self.unlike: list[str] = []
        self.first_copy_at: float | None = None
        self.copiers: list[Copier] = []
        self.adversary = Adversary(people, port)
        self.homes = HOMES / people.run
        self.strategy = Crossover(survey.point)
        self._port = port
        self._db = db
        self._master = Expert(
            build(SOURCES / "MasterPublisher.mq5"),
            self._home("master", Instrument(people.symbol, Market(), 0, digits=survey.digits), "HEDGING"),
            people.symbol,
            self._gate()
            | {
                "InpLicense": people.master.token,
                "InpStream": people.master.stream,
                "InpStreamKey": people.master.key.hex(),
            },
        )
        self._tickets: dict[int, int] = {}

    # Before and after

    async def open(self) -> None:
        """The master's terminal, then everybody's who follows from the start."""
        await self._master.launch()
        await self._master.program.wait_journal(r"signal \d+\.\d+: SNAPSHOT")
        for subscriber in self.cast.subscribers:
            await self._join(subscriber)

    async def _join(self, subscriber: Subscriber) -> None:
        """Up, and the plane knows its symbols and its money."""
        traded = instrument(subscriber.follower, self.cast.symbol, self.survey, Market())
        expert = Expert(
            build(SOURCES / "Subscriber.mq5"),
            self._home(subscriber.follower.name, traded, subscriber.follower.mode),
            traded.symbol,
            self._gate() | {"InpLicense": subscriber.token, "InpSubscriptions": str(subscriber.subscription_id)},
        )
        await expert.launch()
        self.copiers.append(Copier(subscriber, expert, traded))
        await self._comes(partial(self._is_known, subscriber), SETTLE_S)

    async def _is_known(self, subscriber: Subscriber) -> bool:
        return bool(self._value(READY, [subscriber.subscription_id]))

    async def close(self) -> None:
        for expert in (self._master, *(copier.expert for copier in self.copiers)):
            await expert.stop()

    def _home(self, name: str, traded: Instrument, mode: str) -> Path:
        """Whose broker knows one symbol."""
        home = self.homes / name
        specify(home / "broker", [Symbol(traded.symbol, 1, 1, {"digits": traded.digits})], mode=mode)
        return home

    def _gate(self) -> dict[str, Value]:
        return {"InpHost": "127.0.0.1", "InpPort": self._port, "InpTls": False}

    # The play

    async def play(self, script: Script, console: Console) -> None:
        """All bars, then everything at rest."""
        burst = range(int(self.survey.count * BURST_AT), int(self.survey.count * (BURST_AT + BURST_FOR)) + 1)
        half = self.survey.count // 2
        late = [follower for follower in FOLLOWERS if follower.joins_late]
        away: dict[str, int] = {}
        started = time.perf_counter()
        before: Bar | None = None
        for self.bars, bar in enumerate(islice(read(script.path), script.limit), 1):
            await asyncio.sleep(max(started + self.bars / script.pace - time.perf_counter(), 0))
            swing = true_range(bar, before or bar)
            before = bar
            await self._see(bar.open, swing)
            for intent in self.strategy.on_bar(bar):
                await self._act(intent, swing)
            if self.bars == burst.start:
                await self._burst(bar.close)
            if self.bars == burst.stop:
                await self._close_burst(bar.close)
            if self.bars >= half and self._tickets:
                for follower in late:
                    await self._join(cast.subscribe(self._db, self.cast, follower))
                late.clear()
                await self._lose_power(away)
            if self.bars == half:
                self._pay_in()
            await self._return(away)
            if self.bars * LINES % self.survey.count < LINES:
                console.print(f"bar {self.bars} of {self.survey.count}: {self.trades} trades", highlight=False)
        await self._return(away, is_over=True)
        await self._rest()
        for intent in self.strategy.close(before.close if before else 0):
            await self._act(intent, 0)
        await self._rest()

    async def _see(self, price: int, swing: int) -> None:
        """The market moves, for everybody."""
        await self._master.program.quote(self.cast.symbol, price / E8, price / E8)
        tick = Tick(self.bars, price, swing)
        await asyncio.gather(*(copier.see(tick) for copier in self.copiers))

    async def _act(self, intent: Intent, swing: int) -> None:
        """A human at the master's terminal does what the strategy wants, and everybody copies."""
        await self._see(intent.price, swing)
        if intent.action == "OPEN":
            await self._refuse_some()
        await self._do(intent)
        await self._copied()
        self.first_copy_at = self.first_copy_at or time.monotonic()

    async def _do(self, intent: Intent) -> None:
        program, stop = self._master.program, intent.stop_loss / E8
        if intent.action == "OPEN":
            done = await program.trade(self.cast.symbol, intent.side, intent.volume / E8, sl=stop)
            self._tickets[intent.position_id] = done.number("order")
            self.trades += 1
        else:
            ticket = self._tickets[intent.position_id]
            if intent.action == "CLOSE":
                del self._tickets[intent.position_id]
            held = {each.number("ticket"): each.real("volume") for each in (await program.book()).positions}
            if ticket not in held:  # its stop was hit, and the expert has seen that
                return
            if intent.action == "MODIFY":
                done = await program.modify(ticket, stop)
            else:
                target = intent.volume / E8 if intent.action == "PARTIAL_CLOSE" else 0
                done = await program.close(ticket, round(held[ticket] - target, 2))
        if done.number("retcode") != DONE:
            self.unlike.append(f"the master's broker did not do {intent}: {dict(done.values)}")

    async def _copied(self) -> None:
        """Wait for everybody who can copy, as long as that makes sense."""
        await self._comes(self._is_copied, COPY_S)

    async def _is_copied(self) -> bool:
        """Whether the plane has all that the master's expert has numbered, and a report of all that came of it."""
        stream = self.cast.master.stream_id
        numbered = (re.search(r"signal \d+\.(\d+): ", line) for line in reversed(self._master.program.journal))
        newest = next(int(found[1]) for found in numbered if found)
        up = [copier.subscriber.subscription_id for copier in self.copiers if copier.expert.is_up]
        return self._value(STANDING, [stream]) >= newest and not self._value(
            UNREPORTED, {"stream": stream, "subscriptions": up}
        )

    # What befalls them

    async def _refuse_some(self) -> None:
        for copier in self.copiers:
            if every := copier.follower.refuses_every:
                copier.openings += 1
                if copier.openings % every == 0:
                    await copier.expert.program.fault("REJECT")

    async def _burst(self, price: int) -> None:
        """Many openings at once, in the middle of which a computer loses its power just after an order."""
        await self._see(price, 0)
        dying = [copier for copier in self.copiers if copier.follower.dies]
        for number in range(BURST):
            if number == BURST // 2:
                for copier in dying:
                    await copier.expert.program.fault("KILL_AFTER")
            await self._do(burst_intent("OPEN", number, price))
        for copier in dying:
            with suppress(TimeoutError):  # where everything came too late, there was no order to die of
                await asyncio.wait_for(copier.expert.program.wait(), 2 * COPY_S)
            await copier.expert.lose_power(lose_files=True)
            await copier.expert.launch()
        await self._copied()

    async def _close_burst(self, price: int) -> None:
        await self._see(price, 0)
        for number in range(BURST):
            await self._do(burst_intent("CLOSE", number, price))
        await self._copied()

    async def _lose_power(self, away: dict[str, int]) -> None:
        """Once: whoever breaks is away from now on."""
        for copier in self.copiers:
            if copier.follower.breaks and copier.follower.name not in away:
                away[copier.follower.name] = self.trades + TRADES_MISSED
                await copier.expert.lose_power()

    async def _return(self, away: dict[str, int], *, is_over: bool = False) -> None:
        """Back, when what was opened meanwhile is too old."""
        for copier in self.copiers:
            name = copier.follower.name
            if name in away and not copier.expert.is_up and (is_over or self.trades >= away[name]):
                await asyncio.sleep(AWAY_S)
                await copier.expert.launch()

    def _pay_in(self) -> None:
        for subscriber in self.cast.subscribers:
            if subscriber.follower.paid_later:
                cast.pay_in(self._db, self.cast, subscriber, subscriber.follower.paid_later)

    # At rest

    async def _rest(self) -> None:
        """Everything is decided, done and told, and every broker holds what follows from the master's book."""
        if not await self._comes(self._is_alike, SETTLE_S):
            self.unlike += await self._differences()

    async def _is_alike(self) -> bool:
        return not await self._differences()

    async def _differences(self) -> list[str]:
        if not await self._is_copied():
            return [f"not everything was reported within {SETTLE_S:.0f} s"]
        positions = (await self._master.program.book()).positions
        book = {each.number("ticket"): each["side"] for each in positions}
        return [word for copier in self.copiers async for word in self._of_one(copier, book)]

    async def _of_one(self, copier: Copier, book: dict[int, str]) -> AsyncIterator[str]:
        """Where a broker's book is not what the decisions imply, or not on the master's side."""
        rows = self._db.execute(IMPLIED, [copier.subscriber.subscription_id]).fetchall()
        implied = sorted(Held(position, side, float(volume)) for position, _, side, volume in rows)
        held = _held((await copier.expert.program.book()).positions)
        if copier.follower.mode == "NETTING":
            # Whose stop it was that the market hit, only the terminal knows, until the master closes.
            deals = [one for one in await copier.expert.program.history() if one.verb == "deal"]
            if not held and read_comment(deals[-1]["comment"]) is None:
                return
            held, implied = _net(held), _net(implied)
        turn = {"BUY": "SELL", "SELL": "BUY"} if copier.follower.reverse else {"BUY": "BUY", "SELL": "SELL"}
        if held != implied:
            yield f"{copier.follower.name} holds {_said(held)}, and should hold {_said(implied)}"
        if any(each.side != turn.get(book.get(each.position, "")) for each in held if each.position):
            yield f"{copier.follower.name} holds {_said(held)}, where the master has {book or 'nothing'}"

    async def _comes(self, condition: Callable[[], Awaitable[bool]], patience_s: float) -> bool:
        """Whether it does in time."""
        end = time.perf_counter() + patience_s
        while not await condition():
            if time.perf_counter() > end:
                return False
            await asyncio.sleep(POLL_S / 4)
        return True

    def _value(self, sql: str, parameters: Any) -> Any:
        row = self._db.execute(sql.encode(), parameters).fetchone()
        assert row is not None
        return row[0] or 0


def _held(positions: list[Report]) -> list[Held]:
    """By the comment that every order carries."""
    found = []
    for one in positions:
        decision = read_comment(one["comment"])
        found.append(Held(decision.position_id if decision else 0, one["side"], one.real("volume")))
    return sorted(found)


def _net(held: list[Held]) -> list[Held]:
    net = round(sum(each.volume * (1 if each.side == "BUY" else -1) for each in held), 2)
    return [Held(0, "BUY" if net > 0 else "SELL", abs(net))] if net else []


def _said(held: list[Held]) -> str:
    return ", ".join(f"{each.side} {each.volume:.2f} for {each.position or 'all'}" for each in held) or "nothing"


async def perform(people: Cast, script: Script, port: int, db: Connection[Any], console: Console) -> Show:
    """Play all bars and bring everything to rest."""
    show = Show(people, script.survey, port, db)
    try:
        await show.open()
        await show.adversary.knock()
        await show.adversary.abuse()
        await show.play(script, console)
    finally:
        await show.close()
    return show
