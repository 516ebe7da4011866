"""A gateway in the test's own process and loop, and a market for it to serve."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from gateway import ecp_pb2 as pb
from gateway.client import Client, sign
from gateway.server import Gateway
from gateway.settings import Settings

KEY = bytes(range(32))
LOT = 100_000_000


@dataclass
class Master:
    """A provider with one stream that trades EURUSD, and what it has signed so far."""

    token: str
    stream: str
    stream_id: int
    epoch: int = 1
    seq: int = 0

    def signal(self, client: Client, **fields: Any) -> pb.Signal:
        """The next signal, an OPEN of a new position unless `fields` say otherwise."""
        self.seq += 1
        signal = pb.Signal(
            stream_id=self.stream_id,
            epoch=self.epoch,
            seq=self.seq,
            action=pb.OPEN,
            symbol="EURUSD",
            side=pb.BUY,
            position_id=1000 + self.seq,
            volume_e8=LOT // 10,
            price_e8=107_219_000,
            sent_at_us=client.plane_time_us(),
        )
        signal.MergeFrom(pb.Signal(**fields))
        return signal

    def signed(self, client: Client, count: int = 1, **fields: Any) -> list[pb.SignedSignal]:
        return [sign(KEY, self.signal(client, **fields)) for _ in range(count)]


@dataclass
class Market:
    """Set up by the operator: over SQL, as a superuser."""

    db: psycopg.Connection[Any]
    names: Iterator[int] = field(default_factory=lambda: iter(range(1, 1_000_000)))

    def value(self, sql: str, *arguments: Any) -> Any:
        row = self.db.execute(sql, arguments).fetchone()
        assert row is not None
        return row[0]

    def license(self, account: int, purpose: str) -> str:
        return str(self.value("select token from access.issue_license(%s::bigint, %s::text)", account, purpose))

    def master(self, *, rate: int = 1_000_000, ttl_ms: int = 60_000, lane: int | None = None) -> Master:
        account = self.account("provider")
        name = f"stream-{account}"
        stream_id = self.value(
            "select signals.create_stream(%s::bigint, %s::text, %s::bytea, %s::int, %s::int, %s::int, %s::smallint)",
            account, name, KEY, ttl_ms, rate, rate, lane,
        )  # fmt: skip
        self.value("select signals.define_instrument(%s::bigint, 'EURUSD', 5, 0.01, 100, 0.01)", stream_id)
        return Master(self.license(account, "publish"), name, stream_id)

    def account(self, role: str) -> int:
        name = f"{role}-{next(self.names)}"
        return int(self.value("select access.create_account(%s::text, %s::text[])", name, [role]))

    def follow(self, account: int, master: Master, *, ttl_ms: int = 60_000) -> int:
        """A subscription_id."""
        sql = "select signals.subscribe(%s::bigint, %s::bigint, jsonb_build_object('ttl', %s::text))"
        return int(self.value(sql, account, master.stream_id, f"{ttl_ms} ms"))

    def subscriber(self, master: Master, *, ttl_ms: int = 60_000) -> tuple[str, int]:
        """(token, subscription_id) of a new account that follows `master`."""
        account = self.account("subscriber")
        return self.license(account, "subscribe"), self.follow(account, master, ttl_ms=ttl_ms)

    def portfolio(self, subscription: int) -> int:
        """The portfolio_id that it copies into."""
        return int(
            self.value("select portfolio_id from signals.subscriptions where subscription_id = %s", subscription)
        )


def terminate(db: psycopg.Connection[Any], name: str) -> None:
    """End the backends of this test's gateways whose connections are called like `name`."""
    db.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and application_name like %s",
        [f"ecp gateway {name}%"],
    )


@pytest.fixture
def market(db: psycopg.Connection[Any]) -> Market:
    return Market(db)


Start = Callable[..., Awaitable[Gateway]]
Connect = Callable[..., Awaitable[Client]]


@pytest.fixture
async def start(gateway_dsn: str) -> AsyncIterator[Start]:
    """Starts gateways on the test's database; those still up at the end are stopped."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> Gateway:
            gateway = Gateway(Settings(**{"port": 0, "database_url": gateway_dsn, "shed_ms": 60_000, **settings}))
            await gateway.start()
            stack.push_async_callback(gateway.stop)
            return gateway

        yield start


@pytest.fixture
async def gateway(start: Start) -> Gateway:
    return await start()


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Connects clients; those still connected at the end are dropped."""
    clients: list[Client] = []

    async def connect(gateway: Gateway, token: str, **options: Any) -> Client:
        client = await Client.connect(*gateway.address, token, **options)
        clients.append(client)
        return client

    yield connect
    for client in clients:
        client.abort()
