"""Masters, and followers with simulated terminals and brokers, over TCP to a real gateway on a real database.

Lots and prices are text ("0.10", "1.07219"). Nothing happens by the clock: what the plane does on a schedule a scenario
asks for itself, and the plane's time is moved by hand.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from psycopg.types.json import Json

from gateway import ecp_pb2 as pb
from gateway.client import Client, Disconnected, Refusal, sign
from gateway.lanes import Connection
from gateway.server import Gateway
from ops import explain
from ops.demo.attribution import read_comment
from ops.demo.broker import Mode, PaperBroker
from ops.demo.instrument import Instrument
from ops.demo.market import Market as Prices
from ops.demo.strategy import Side
from ops.demo.terminal import FAITHFUL, Habits, Terminal
from tests.db.plane import e8
from tests.gateway.conftest import KEY, Market, Master

# A Monday, so that no scenario meets another day unless it wants to.
START = datetime(2026, 1, 5, 12, tzinfo=UTC)
# The clock runs, from where it was set.
CLOCK = f"""
    create table public.clock (ahead interval not null);
    grant select on public.clock to public;
    insert into public.clock values ('{START}' - clock_timestamp());
    create or replace function core.now() returns timestamptz language sql volatile parallel safe
    as $$ select clock_timestamp() + ahead from public.clock $$;
    delete from ops.jobs;
"""
# No heartbeat but those that a scenario asks for.
UNHURRIED: dict[str, Any] = {
    "heartbeat_ms": 600_000,
    "idle_ms": 1_200_000,
    "call_deadline_ms": 5_000,
    "shed_ms": 60_000,
}

PRICE = "1.07219"
DEADLINE_S = 30.0
POLL_S = 0.005

OVERDUE = "select count(*) from signals.subscription_heads where checked_at < core.now() - interval '1 minute'"
DUE = """
update signals.subscription_heads
set checked_at = case when subscription_id <> all (%s) then core.now() end
"""
BEHIND = """
select count(*)
from signals.dispatch_cursors as c
inner join signals.stream_heads as h on h.lane = c.stream_lane and h.stream_id = c.stream_id
where (c.epoch, c.seq) < (h.accepted_epoch, h.accepted_seq)
"""


class Held(NamedTuple):
    """What the broker has for a position of the master."""

    position: int
    symbol: str
    side: Side
    lots: str


class Provider:
    """A master's terminal. What it publishes is accepted, unless a scenario publishes by itself."""

    def __init__(self, stage: "Stage", master: Master) -> None:
        self.stage = stage
        self.master = master
        self.seq = 0
        self.client: Client

    async def connect(self, **options: Any) -> Client:
        """Another connection, which takes the stream."""
        self.client = await Client.connect("127.0.0.1", self.stage.port, self.master.token, **options)
        self.stage.clients.append(self.client)
        await self.client.open_stream(self.master.stream)
        return self.client

    def say(self, action: "pb.Action", position: int = 0, **fields: Any) -> pb.SignedSignal:
        """The next signal, signed and not sent."""
        self.seq += 1
        for name in ("volume", "price", "stop_loss", "take_profit", "balance", "equity"):
            if name in fields:
                fields[f"{name}_e8"] = e8(fields.pop(name))
        signal = pb.Signal(
            stream_id=self.master.stream_id, epoch=1, seq=self.seq, action=action, position_id=position,
            sent_at_us=self.client.plane_time_us(), **fields,
        )  # fmt: skip
        return sign(KEY, signal)

    def opening(self, side: str = "BUY", volume: str = "0.10", *, position: int = 0, **fields: Any) -> pb.SignedSignal:
        """A market order of 0.10 EURUSD, unless said otherwise; of a new position, which is then `self.newest`."""
        self.newest = position or next(self.stage.tickets)
        order = {"symbol": "EURUSD", "price": PRICE} | fields
        return self.say(pb.OPEN, self.newest, side=side, volume=volume, **order)

    async def publish(self, *signals: pb.SignedSignal) -> None:
        """In one frame."""
        ack = await self.client.publish(self.master.stream_id, signals)
        assert list(ack.verdicts) == [pb.ACCEPTED] * len(signals), ack

    async def open(self, side: str = "BUY", volume: str = "0.10", **fields: Any) -> int:
        """The position."""
        await self.publish(self.opening(side, volume, **fields))
        return self.newest

    async def place(self, order_type: str, price: str, side: str = "BUY", volume: str = "0.10", **fields: Any) -> int:
        """The position that it will be."""
        position = next(self.stage.tickets)
        order = {"symbol": "EURUSD"} | fields
        await self.do(pb.PLACE, position, order_type=order_type, side=side, volume=volume, price=price, **order)
        return position

    async def do(self, action: "pb.Action", position: int = 0, **fields: Any) -> None:
        """Any other action."""
        await self.publish(self.say(action, position, **fields))

    async def close(self, position: int) -> None:
        await self.do(pb.CLOSE, position, price=PRICE)

    async def reduce(self, position: int, remains: str) -> None:
        await self.do(pb.PARTIAL_CLOSE, position, volume=remains, price=PRICE)


@dataclass
class Follower:
    """A subscriber's account at a broker, and the terminal that copies into it."""

    stage: "Stage"
    token: str
    portfolio: int
    subscriptions: list[int]
    terminal: Terminal
    is_up: bool = False
    """Whether it has said all that it says first on a connection."""

    @property
    def subscription(self) -> int:
        (only,) = self.subscriptions
        return only

    @property
    def broker(self) -> PaperBroker:
        return self.terminal.broker

    # At the broker

    @property
    def holds(self) -> list[Held]:
        """Open positions, two for the same position of the master included."""
        return _by_master(self.broker.positions.values())

    @property
    def orders(self) -> list[Held]:
        """Pending orders."""
        return _by_master(self.broker.orders.values())

    @property
    def net(self) -> dict[str, str]:
        """Signed lots of each symbol of a netting account."""
        return {
            held.symbol: f"{'' if held.side == 'BUY' else '-'}{lots(held.volume)}"
            for held in self.broker.positions.values()
        }

    # The terminal

    async def connect(self) -> None:
        self.is_up = False
        await self.terminal.connect()
        self.is_up = True
        await self.settled()

    def leave(self) -> None:
        """Lose the connection."""
        self.terminal.disconnect()

    async def restart(self, *, lose_state: bool = False) -> None:
        self.is_up = False
        await self.terminal.restart(lose_state=lose_state)
        self.is_up = True
        await self.settled()

    async def pulse(self) -> None:
        """A heartbeat, and all that follows from it."""
        await self.terminal.pulse()
        await self.settled()

    async def settled(self) -> None:
        """Wait until everything that is decided has arrived, was done and is on record; also what a snapshot that
        differed leaves to the clock, and what an order without an answer leaves to the next heartbeat."""
        await self.stage.until(self.stage.is_dispatched)
        if self.stage.value(OVERDUE):
            self.stage.find_drift()
        await self.stage.until(lambda: self._is_settled() or self._is_waiting())
        if self._is_waiting():
            await self.terminal.pulse()
            await self.stage.until(self._is_settled)

    def _is_waiting(self) -> bool:
        return self.terminal.connected and self.terminal.is_waiting

    def _is_settled(self) -> bool:
        terminal = self.terminal
        if not self.stage.is_dispatched() or (terminal.connected and not terminal.idle):
            return False
        return not terminal.connected or all(
            following.last == self.stage.newest(number) for number, following in terminal.follows.items()
        )

    # The plane's word

    def explain(self, seq: int) -> dict[str, Any]:
        """The row of `ecp explain` for a signal."""
        return explain.read(self.stage.operator.db, self.subscription, 1, seq)

    def copy(self, position: int) -> dict[str, Any]:
        """What the plane believes of a copy."""
        (found,) = self.stage.rows("select * from signals.copies where position_id = %s and subscription_id = any (%s)",
            position, self.subscriptions)  # fmt: skip
        return found

    def reports(self) -> list[tuple[str, str, str | None]]:
        """(action, status, code) of every delivery that was reported, in order."""
        return [
            (row["action"], row["status"], row["code"])
            for row in self.stage.rows(
                """
                select d.action, r.status, r.code
                from signals.decisions as d
                inner join signals.reports as r using (lane, subscription_id, delivery_seq)
                where d.subscription_id = any (%s)
                order by d.subscription_id, d.delivery_seq
                """,
                self.subscriptions,
            )
        ]

    def events(self) -> list[str]:
        """Codes of protection events, in order."""
        return [
            row["code"]
            for row in self.stage.rows(
                "select code from signals.protection_events where subscription_id = any (%s) order by occurred_at",
                self.subscriptions,
            )
        ]

    def set(self, **settings: Any) -> int:
        """Change settings; their version."""
        sql = "select signals.write_settings(%s::bigint, %s::jsonb)"
        return int(self.stage.value(sql, self.subscription, Json(settings)))

    def transition(self, cause: str) -> str:
        """The state that it came to. Who is toxic is said by the score."""
        if cause != "toxic":
            return str(self.stage.value("select signals.transition(%s, %s, 'operator')", self.subscription, cause))
        self.stage.value(
            "select trust.reset(account_id, 'subscriber', 49, 'a test', 'operator') from signals.subscriptions"
            " where subscription_id = %s",
            self.subscription,
        )
        return str(
            self.stage.value("select state from signals.subscriptions where subscription_id = %s", self.subscription)
        )


class Stage:
    """All that plays in one scenario, and the operator's hand."""

    def __init__(self, operator: Market, gateway: Gateway, connection: Connection) -> None:
        """`connection` is for the clock."""
        self.operator = operator
        self.port = gateway.address[1]
        self._clock = gateway.plane.clock
        self._connection = connection
        self.prices = Prices()
        self.prices.tick(1, _e8(PRICE))
        self.tickets: Iterator[int] = itertools.count(101)
        self.clients: list[Client] = []
        self.followers: list[Follower] = []
        self._running: list[asyncio.Task[None]] = []

    # Who plays

    async def provider(self) -> Provider:
        """A master of EURUSD, connected."""
        provider = Provider(self, self.operator.master())
        await provider.connect()
        return provider

    async def follower(
        self,
        *providers: Provider,
        symbols: Sequence[str] = ("EURUSD",),
        mode: Mode = "HEDGING",
        habits: Habits = FAITHFUL,
        broker: PaperBroker | None = None,
        connects: bool = True,
        step: str = "0.01",
        clock_offset: timedelta = timedelta(),
        **settings: Any,
    ) -> Follower:
        """Follows these masters into one account; `settings` as signals.subscribe has them."""
        account = self.operator.account("subscriber")
        portfolio = self.value("select signals.create_portfolio(%s::bigint, 'main', %s::text)", account, mode)
        subscriptions = [self.subscribe(account, portfolio, provider, **settings) for provider in providers]
        if broker is None:
            broker = PaperBroker(
                [self.instrument(symbol, step) for symbol in symbols],
                mode=mode,
                clock_offset_us=clock_offset // timedelta(microseconds=1),
            )
        token = self.operator.license(account, "subscribe")
        terminal = Terminal(token, self.port, broker, subscriptions, habits)
        found = Follower(self, token, portfolio, subscriptions, terminal)
        self.followers.append(found)
        self.run(terminal)
        if connects:
            await found.connect()
        return found

    def subscribe(self, account: int, portfolio: int, provider: Provider, **settings: Any) -> int:
        return int(
            self.value(
                "select signals.subscribe(%s::bigint, %s::bigint, %s::jsonb, %s::bigint)",
                account, provider.master.stream_id, Json({"ttl": "60 s"} | settings), portfolio,
            )
        )  # fmt: skip

    def instrument(self, symbol: str, step: str = "0.01") -> Instrument:
        """As brokers have it, with a spread of two points."""
        return Instrument(
            symbol, self.prices, 2000,
            volume_min=_e8(step), volume_step=_e8(step), base_currency="EUR", profit_currency="USD",
        )  # fmt: skip

    def run(self, terminal: Terminal) -> None:
        """Let it work until the end."""
        self._running.append(asyncio.create_task(terminal.run()))

    # The plane

    def value(self, sql: str, *arguments: Any) -> Any:
        return self.operator.value(sql, *arguments)

    def rows(self, sql: str, *arguments: Any) -> list[dict[str, Any]]:
        cursor = self.operator.db.execute(sql.encode(), arguments)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def differences(self, origin: str) -> list[tuple[str, int | None]]:
        """(kind, position) of what snapshots showed, of MASTER or FOLLOWER."""
        found = self.rows("select * from signals.differences where origin = %s order by difference_id", origin)
        return [(row["kind"], row["position_id"]) for row in found]

    def newest(self, subscription: int) -> int:
        return int(
            self.value("select delivery_seq from signals.subscription_heads where subscription_id = %s", subscription)
        )

    def is_dispatched(self) -> bool:
        return not self.value(BEHIND)

    def find_drift(self) -> str | None:
        """The job, when it is due for everybody here; one run might not get to all who were on stage before."""
        due = [subscription for follower in self.followers for subscription in follower.subscriptions]
        self.operator.db.execute(DUE, [due])
        found: str | None = self.value("select signals.find_drift()")
        return found

    async def verify(self) -> None:
        """Every invariant that can be read off the database."""
        await self.until(self.is_dispatched)
        failing = self.rows("select name, detail from ops.verify() where not ok")
        assert failing == []

    # Time

    async def pass_time(self, **time: float) -> None:
        """It is later, all at once; whoever is connected sees it."""
        self.operator.db.execute("update public.clock set ahead = ahead + %s", [timedelta(**time)])
        await self._tell_the_time()

    async def set_time(self, at: datetime) -> None:
        self.operator.db.execute("update public.clock set ahead = %s - clock_timestamp()", [at])
        await self._tell_the_time()

    async def _tell_the_time(self) -> None:
        terminals = [follower.terminal.client for follower in self.followers if follower.terminal.connected]
        # The gateway trusts the best of its last few samples.
        for _ in range(8):
            await self._clock.read(self._connection)
        for client in [*self.clients, *terminals]:
            with suppress(Disconnected, Refusal):
                await client.heartbeat()

    async def price(self, price: str) -> None:
        """The market moves, and all who are connected can see it."""
        at = int(self.value("select core.microseconds(core.now())"))
        self.prices.tick(at, _e8(price))
        clients = [follower.terminal.client for follower in self.followers if follower.terminal.connected]
        await self.until(lambda: all(client.plane_time_us() >= at for client in clients))

    # Waiting

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a state; it comes, or the scenario fails."""
        end = asyncio.get_running_loop().time() + DEADLINE_S
        while not condition():
            for task in self._running:
                if task.done():
                    task.result()
            if asyncio.get_running_loop().time() > end:
                raise AssertionError(self._standing())
            await asyncio.sleep(POLL_S)

    def _standing(self) -> str:
        """How everybody stands, for whoever has to find out why it did not come."""
        return "\n".join(
            f"{number}: last {following.last} of {self.newest(number)}, idle {follower.terminal.idle},"
            f" holds {follower.holds}, reports {follower.reports()}"
            for follower in self.followers
            for number, following in follower.terminal.follows.items()
        )

    async def clear(self) -> None:
        """Everybody leaves."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        for client in self.clients:
            client.abort()
        for follower in self.followers:
            if follower.terminal.connected:
                follower.terminal.disconnect()


def entry(position: int, volume: str, side: str = "BUY", *, stop_loss_e8: int = 0) -> pb.Position:
    """A position in a snapshot."""
    return pb.Position(
        position_id=position, symbol="EURUSD", side=side, volume_e8=_e8(volume), price_e8=_e8(PRICE),
        stop_loss_e8=stop_loss_e8,
    )  # fmt: skip


def lots(volume: int) -> str:
    return f"{Decimal(volume).scaleb(-8):.2f}"


def _by_master(found: Any) -> list[Held]:
    held = []
    for one in found:
        decision = read_comment(one.comment)
        held.append(Held(decision.position_id if decision else 0, one.symbol, one.side, lots(one.volume)))
    return sorted(held)


def _e8(text: str) -> int:
    found = e8(text)
    assert found is not None
    return found
