"""Whatever the master does and whatever happens to the follower: after catch-up the book is what the settings define.

In full: pytest --hypothesis-profile=torture tests/scenarios. A run is
repeated with the --hypothesis-seed that it printed.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import asyncpg
import pytest
import uvloop
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from gateway import ecp_pb2 as pb
from gateway.client import Disconnected
from gateway.server import Gateway
from gateway.settings import Settings
from ops.demo.attribution import read_comment
from ops.demo.broker import Mode, OrderType, PaperBroker
from ops.demo.faults import Fault
from ops.demo.strategy import Side
from ops.demo.terminal import Habits
from tests.gateway.conftest import Market
from tests.scenarios.expected import Copy, Entry, Wish, follow
from tests.scenarios.stage import UNHURRIED, Follower, Provider, Stage

pytestmark = pytest.mark.core

SHORT = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)

CENT = 1_000_000  # a hundredth of a lot
POINT = 1_000
PRICE = 107_219_000
# Far enough that the market, which stands still, never gets there.
BELOW, ABOVE = 100_000_000, 115_000_000

# So often the plane may be asked to compare before there must be nothing more to do.
ROUNDS = 6


class Act(NamedTuple):
    """Of the master; `which` picks an entry, `size` is hundredths of lots or points."""

    what: str
    which: int
    size: int
    side: Side


class Turn(NamedTuple):
    """What the follower meets, then what the master does, in one frame; then all is waited for, or not."""

    fates: list[str]
    acts: list[Act]
    waits: bool


@dataclass(frozen=True)
class Play:
    """One example."""

    wish: Wish
    mode: Mode
    habits: Habits
    turns: list[Turn]


ACTS = st.builds(
    Act,
    st.sampled_from(
        ["open"] * 3 + ["reduce"] * 2 + ["close", "modify", "place", "amend", "cancel", "snapshot", "forget"]
    ),
    st.integers(0, 5),
    st.integers(1, 60),
    st.sampled_from(["BUY", "SELL"]),
)
FATES = st.sampled_from(
    ["leaves", "returns", "restarts", "loses its state", "dies at the next", "answer lost", "order lost", "requote",
     "minutes pass", "heartbeat", "drift"]
)  # fmt: skip
TURNS = st.builds(Turn, st.lists(FATES, max_size=2), st.lists(ACTS, max_size=5), st.sampled_from([True, True, False]))
WISHES = st.builds(
    Wish,
    multiplier=st.sampled_from([Fraction(1), Fraction(2), Fraction(1, 2), Fraction(33, 100), Fraction(3)]),
    minimum=st.sampled_from([CENT, 3 * CENT]),
    maximum=st.sampled_from([10_000 * CENT, 25 * CENT]),
    step=st.sampled_from([CENT, 5 * CENT]),
    reverse=st.booleans(),
)
TERMINALS: list[tuple[Mode, Habits]] = [
    ("HEDGING", Habits(reads_history=True)),
    ("HEDGING", Habits(reads_history=False)),
    # A net position does not say what became of an order, so here the history must.
    ("NETTING", Habits(reads_history=True)),
]
PLAYS = st.builds(
    lambda wish, terminal, turns: Play(wish, terminal[0], terminal[1], turns),
    WISHES,
    st.sampled_from(TERMINALS),
    st.lists(TURNS, min_size=1, max_size=10),
)


class Actor:
    """The master: what it holds, and the signals that say so."""

    def __init__(self, provider: Provider, stage: Stage) -> None:
        self.provider = provider
        self.stage = stage
        self.book: dict[int, Entry] = {}

    def do(self, act: Act) -> pb.SignedSignal | None:
        """The signal, if there is anything to do it to."""
        do: Callable[[Act], pb.SignedSignal | None] = getattr(self, act.what)
        return do(act)

    def open(self, act: Act) -> pb.SignedSignal:
        self.book[position := next(self.stage.tickets)] = entry = Entry(
            act.side, "MARKET", PRICE, [act.size * CENT], _stops(act.side, act.which)
        )
        return self._say(pb.OPEN, position, entry)

    def place(self, act: Act) -> pb.SignedSignal:
        # Away from the market: a limit waits for a better price.
        kind: OrderType = "LIMIT" if act.side == "BUY" else "STOP"
        price = 105_000_000 if act.side == "BUY" else 103_000_000
        self.book[position := next(self.stage.tickets)] = entry = Entry(
            act.side, kind, price, [act.size * CENT], _stops(act.side, act.which)
        )
        return self._say(pb.PLACE, position, entry)

    def reduce(self, act: Act) -> pb.SignedSignal | None:
        if not (position := self._pick(act, "MARKET")) or self.book[position].volume <= CENT:
            return None
        entry = self.book[position]
        entry.volumes.append(max(entry.volume * act.size // 60 // CENT, 1) * CENT)
        return self.provider.say(pb.PARTIAL_CLOSE, position, volume=entry.volume, price=PRICE)

    def close(self, act: Act) -> pb.SignedSignal | None:
        if not (position := self._pick(act, "MARKET")):
            return None
        del self.book[position]
        return self.provider.say(pb.CLOSE, position, price=PRICE)

    def cancel(self, act: Act) -> pb.SignedSignal | None:
        if not (position := self._pick(act, "LIMIT", "STOP")):
            return None
        del self.book[position]
        return self.provider.say(pb.CANCEL, position)

    def modify(self, act: Act) -> pb.SignedSignal | None:
        if not (position := self._pick(act, "MARKET")):
            return None
        self.book[position].stops = _stops(self.book[position].side, act.size)
        return self._say(pb.MODIFY, position, self.book[position])

    def amend(self, act: Act) -> pb.SignedSignal | None:
        if not (position := self._pick(act, "LIMIT", "STOP")):
            return None
        entry = self.book[position]
        entry.stops, entry.price = _stops(entry.side, act.size), entry.price - POINT
        return self._say(pb.AMEND, position, entry)

    def snapshot(self, _: Act) -> pb.SignedSignal:
        return self._snapshot()

    def forget(self, act: Act) -> pb.SignedSignal:
        """Something happened that was never signalled; a snapshot tells it."""
        match act.size % 3:
            case 0:
                self.open(act)
                self.provider.seq -= 1
            case 1 if position := self._pick(act, "MARKET", "LIMIT", "STOP"):
                del self.book[position]
            case 2 if position := self._pick(act, "MARKET"):
                entry = self.book[position]
                entry.volumes.append(max(entry.volume // 2 // CENT, 1) * CENT)
        return self._snapshot()

    def _snapshot(self) -> pb.SignedSignal:
        return self.provider.say(
            pb.SNAPSHOT,
            book=[
                pb.Position(
                    position_id=position, symbol=entry.symbol, side=entry.side, volume_e8=entry.volume,
                    price_e8=entry.price, stop_loss_e8=entry.stops[0], take_profit_e8=entry.stops[1],
                    order_type=entry.order_type,
                )
                for position, entry in self.book.items()
            ],
        )  # fmt: skip

    def _pick(self, act: Act, *kinds: str) -> int:
        """0: there is none."""
        those = [position for position, entry in self.book.items() if entry.order_type in kinds]
        return those[act.which % len(those)] if those else 0

    def _say(self, action: "pb.Action", position: int, entry: Entry) -> pb.SignedSignal:
        return self.provider.say(
            action, position, symbol=entry.symbol, side=entry.side, volume=entry.volume, price=entry.price,
            stop_loss=entry.stops[0], take_profit=entry.stops[1], order_type=entry.order_type,
        )  # fmt: skip


def _stops(side: Side, number: int) -> tuple[int, int]:
    """Some of them, or none."""
    below, above = (BELOW + number * POINT) * (number % 3 > 0), (ABOVE + number * POINT) * (number % 2)
    return (below, above) if side == "BUY" else (above, below)


async def befall(stage: Stage, follower: Follower, faults: deque[Fault], fate: str) -> None:
    terminal = follower.terminal
    match fate:
        case "leaves" if terminal.connected:
            follower.leave()
        case "returns" if not terminal.connected:
            await follower.connect()
        case "restarts":
            await follower.restart()
        case "loses its state":
            await follower.restart(lose_state=True)
        case "dies at the next" if terminal.connected:
            terminal.die_at(lambda _: follower.is_up)
        case "answer lost":
            faults.append(Fault.ANSWER_LOST)
        case "order lost":
            faults.append(Fault.ORDER_LOST)
        case "requote":
            faults.append(Fault.REQUOTE)
        case "minutes pass":
            await stage.pass_time(minutes=2)
        case "heartbeat" if terminal.connected:
            await follower.pulse()
        case "drift":
            stage.find_drift()
            await follower.settled()


async def come_to_rest(stage: Stage, follower: Follower) -> None:
    """Catch up until nothing differs."""
    follower.terminal.die_at(lambda _: False)
    if not follower.terminal.connected:
        await follower.connect()
    for _ in range(ROUNDS):
        # What a book does not show is in doubt for half a minute.
        await stage.pass_time(seconds=30)
        await follower.pulse()
        if stage.find_drift() is None:
            return
        await follower.settled()
    told = stage.rows(
        "select d.delivery_seq, d.action, d.position_id, d.volume, d.held_volume, d.inputs, r.status, r.code, r.volume"
        " from signals.decisions as d left join signals.reports as r using (lane, subscription_id, delivery_seq)"
        " where d.subscription_id = %s and d.delivery_seq is not null order by d.delivery_seq desc limit 6",
        follower.subscription,
    )
    raise AssertionError(f"after {ROUNDS} rounds there is still something to do: {told}")


def given_up(stage: Stage, follower: Follower) -> set[int]:
    """Positions whose opening failed for good, by the terminal's word: that is not tried again."""
    rows = stage.rows(
        """
        select d.position_id
        from signals.decisions as d
        inner join signals.reports as r using (lane, subscription_id, delivery_seq)
        where d.subscription_id = %s and d.action in ('OPEN', 'PLACE') and r.status = 'FAILED' and r.settled_by is null
        """,
        follower.subscription,
    )
    return {row["position_id"] for row in rows}


def compare(follower: Follower, expected: dict[int, Copy], excused: set[int]) -> None:
    """The broker's book with the one that the settings define."""
    broker = follower.broker
    found: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
    if broker.mode == "HEDGING":
        for held in broker.positions.values():
            position = _position(held.comment)
            found[position].append((held.side, "MARKET", 0, (held.stop_loss, held.take_profit), held.volume))
    else:
        for key, copy in follower.terminal.execution.books.copies.items():
            found[key.position_id].append((copy.side, "MARKET", 0, None, copy.volume))
        total = sum(copy[-1] * (1 if copy[0] == "BUY" else -1) for copies in found.values() for copy in copies)
        net = broker.net("EURUSD.m")
        assert (net.volume * (1 if net.side == "BUY" else -1) if net else 0) == total
    for order in broker.orders.values():
        found[_position(order.comment)].append(
            (order.side, order.order_type, order.price, (order.stop_loss, order.take_profit), order.volume)
        )
    for position, copies in found.items():
        assert position in expected, f"{position} is closed, and held: {copies}"
        assert len(copies) == 1, f"{position} is held more than once: {copies}"
        wanted = expected[position]
        side, order_type, price, stops, volume = copies[0]
        assert (side, order_type) == (wanted.side, wanted.order_type), (position, copies, wanted)
        assert volume in wanted.lots, (position, copies, wanted)
        assert stops in (None, wanted.stops), (position, copies, wanted)
        assert order_type == "MARKET" or price == wanted.price, (position, copies, wanted)
    for position, wanted in expected.items():
        assert position in found or 0 in wanted.lots or position in excused, f"{position} is not held: {wanted}"


def _position(comment: str) -> int:
    decision = read_comment(comment)
    assert decision is not None
    return decision.position_id


class Theatre:
    """One gateway for all examples, each with a master and a follower of its own."""

    def __init__(self, operator: Market, dsn: str) -> None:
        self.operator = operator
        self.dsn = dsn
        self.runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)

    def open(self) -> None:
        self.runner.run(self._open())

    def close(self) -> None:
        self.runner.run(self._close())
        self.runner.close()

    async def _open(self) -> None:
        self.gateway = Gateway(Settings(port=0, database_url=self.dsn, **UNHURRIED))
        await self.gateway.start()
        self.connection = await asyncpg.connect(self.dsn)

    async def _close(self) -> None:
        await self.connection.close()
        await self.gateway.stop()

    def stage(self, play: Play) -> None:
        self.runner.run(self._stage(play))

    async def _stage(self, play: Play) -> None:
        stage = Stage(self.operator, self.gateway, self.connection)
        try:
            await self._play(stage, play)
            await stage.verify()
        finally:
            await stage.clear()

    async def _play(self, stage: Stage, play: Play) -> None:
        provider = await stage.provider()
        wish = play.wish
        faults: deque[Fault] = deque()
        broker = PaperBroker(
            [stage.instrument("EURUSD.m", _lots(wish.step))],
            mode=play.mode,
            faults=lambda _: faults.popleft() if faults else None,
        )
        follower = await stage.follower(
            provider,
            broker=broker,
            mode=play.mode,
            habits=play.habits,
            late_join="ALL",
            multiplier=float(wish.multiplier),
            volume_min=_lots(wish.minimum),
            volume_max=_lots(wish.maximum),
            reverse=wish.reverse,
        )
        actor = Actor(provider, stage)
        for turn in play.turns:
            for fate in turn.fates:
                with suppress(Disconnected):
                    await befall(stage, follower, faults, fate)
            signals = [signal for act in turn.acts if (signal := actor.do(act)) is not None]
            if signals:
                await provider.publish(*signals)
            if turn.waits:
                await follower.settled()
        faults.clear()
        await come_to_rest(stage, follower)
        compare(follower, follow(actor.book, wish), given_up(stage, follower))


def _lots(volume: int) -> str:
    return f"{volume / 10**8:.2f}"


@pytest.fixture
def theatre(operator: Market, gateway_dsn: str) -> Iterator[Theatre]:
    theatre = Theatre(operator, gateway_dsn)
    theatre.open()
    yield theatre
    theatre.close()


def test_after_catch_up_the_book_is_what_the_settings_define(theatre: Theatre, drawn_seed: int) -> None:
    full = settings.get_current_profile_name() == "torture"

    @seed(drawn_seed)
    @(settings() if full else SHORT)
    @given(PLAYS)
    def holds(play: Play) -> None:
        theatre.stage(play)

    holds()
