"""`ecp bench copy`: master send → subscriber receive, one stream fanned out to many connections."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psycopg
import uvloop

from gateway import ecp_pb2 as pb
from gateway.client import Client
from ops import scratch
from ops.bench import load, market, population
from ops.bench.figures import Figures, percentile
from ops.postgres import Stack
from ops.serve import gateway


@dataclass(frozen=True)
class Result(Figures):
    """Latencies in ms from the moment when a signal was due to its arrival at one subscriber."""

    subscribers: int
    offered: int
    expected: int
    delivered: int
    p50_ms: float
    p99_ms: float
    max_ms: float

    def lines(self) -> Iterator[str]:
        yield f"{self.offered} signals to {self.subscribers} subscribers: {self.delivered} of {self.expected} arrived"
        yield f"due → received: p50 {self.p50_ms} ms, p99 {self.p99_ms} ms, max {self.max_ms} ms"


def run(stack: Stack, *, subscribers: int, rate: float, seconds: float) -> Result:
    """One master at `rate` signals a second, every signal to every subscriber."""
    url = scratch.database(stack, "ecp_bench")
    with psycopg.connect(url, autocommit=True) as connection:
        (master,) = market.masters(connection, 1, ttl_ms=5_000)
        made = market.followers(connection, subscribers, master.stream_id)
        population.settle(connection)
    with gateway(url) as port:
        return uvloop.run(_measure(port, master, made, rate, seconds))


async def _measure(
    port: int, master: market.Master, followers: list[market.Follower], rate: float, seconds: float
) -> Result:
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    arrived = asyncio.Event()
    expected = 0
    first = 0  # 0: nothing counts yet

    def received(deliveries: Sequence[pb.Delivery]) -> None:
        now = loop.time()
        latencies.extend((now - publisher.due[each.seq]) * 1000 for each in deliveries if 0 < first <= each.seq)
        if expected and len(latencies) >= expected:
            arrived.set()

    clients = []
    for follower in followers:
        client = await Client.connect("127.0.0.1", port, follower.token, on_deliveries=received)
        await client.subscribe(follower.subscription_id)
        clients.append(client)
    publisher = await load.Publisher.connect(port, master)
    await load.warm_up([publisher], rate)
    first = publisher.seq + 1
    expected = round(rate * seconds) * len(followers)
    tally = await load.offer([publisher], rate, seconds)
    await asyncio.wait([asyncio.ensure_future(arrived.wait())], timeout=30)
    for client in [publisher.client, *clients]:
        await client.close()
    return Result(
        subscribers=len(followers),
        offered=tally.offered,
        expected=expected,
        delivered=len(latencies),
        p50_ms=percentile(latencies, 0.5),
        p99_ms=percentile(latencies, 0.99),
        max_ms=percentile(latencies, 1),
    )
