"""`ecp bench report`: what a subscriber's EA did → durable verdict, with the fees, wallet, trust and state of the same
transaction."""

import asyncio
import json
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import psycopg
import uvloop

from gateway import ecp_pb2 as pb
from gateway.calls import REPORT
from gateway.client import Client
from ops import scratch, serve
from ops.bench import load, market, population
from ops.bench.figures import Figures, percentile
from ops.postgres import Stack

WARM_UP_S = 1.0
PIP_E8 = 10_000
"""What each close makes, so that there is profit to settle."""


@dataclass(frozen=True)
class Result(Figures):
    """Latencies in ms: `p50_ms` and `p99_ms` from the moment when a report was due to the arrival of its verdict,
    `call_p50_ms` and `call_p99_ms` of one call of signals.report, in which as many reports go as wait for their lane.
    The `calls` are those of the warm-up too."""

    subscriptions: int
    offered: int
    answered: int
    rate: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    calls: int
    call_p50_ms: float
    call_p99_ms: float
    verdicts: dict[str, int]

    def lines(self) -> Iterator[str]:
        yield (
            f"offered {self.offered} reports of {self.subscriptions} subscriptions, "
            f"answered {self.answered}, {self.rate:.0f}/s"
        )
        yield f"due → durable verdict: p50 {self.p50_ms} ms, p99 {self.p99_ms} ms, max {self.max_ms} ms"
        yield f"{self.calls} calls of the database: p50 {self.call_p50_ms} ms, p99 {self.call_p99_ms} ms"
        yield "verdicts: " + ", ".join(f"{name} {count}" for name, count in self.verdicts.items())


class Reporter:
    """A subscription whose EA has executed everything that it was told, and has yet to report it."""

    def __init__(self, subscription_id: int) -> None:
        self.subscription_id = subscription_id
        self.client: Client
        self.pending: deque[pb.Delivery] = deque()
        self._arrived = asyncio.Event()

    @classmethod
    async def connect(cls, port: int, follower: market.Follower) -> "Reporter":
        reporter = cls(follower.subscription_id)
        reporter.client = await Client.connect("127.0.0.1", port, follower.token, on_deliveries=reporter.received)
        await reporter.client.subscribe(follower.subscription_id)
        await reporter.client.specifications(follower.portfolio_id, load.specifications())
        return reporter

    def received(self, deliveries: Sequence[pb.Delivery]) -> None:
        self.pending.extend(deliveries)
        self._arrived.set()

    async def has(self, count: int) -> None:
        """Wait until so many are pending."""
        while len(self.pending) < count:
            self._arrived.clear()
            await self._arrived.wait()

    def send(self, times: Sequence[float]) -> "asyncio.Future[pb.ReportAck]":
        return self.client.report([self._executed(self.pending.popleft()) for _ in times])

    def verdicts(self, answer: pb.ReportAck) -> list[str]:
        return [pb.ReportVerdict.Name(verdict) for verdict in answer.verdicts]

    def _executed(self, delivery: pb.Delivery) -> pb.Report:
        made = 0 if delivery.action == pb.OPEN else PIP_E8
        return load.executed(self.client, delivery, market.FOLLOWER_VOLUME_E8, delivery.price_e8 + made)


def run(stack: Stack, *, subscriptions: int, rate: float, seconds: float) -> Result:
    """`rate` reports a second, half of them of openings and half of closes, each subscription on its own connection."""
    url = scratch.database(stack, "ecp_bench")
    with psycopg.connect(url, autocommit=True) as connection:
        (master,) = market.masters(connection, 1, ttl_ms=60_000)
        made = market.followers(connection, subscriptions, master.stream_id)
        market.charge(connection, master, made)
        # What is reported has waited for it since the set-up, which is nobody's fault.
        connection.execute("delete from ops.jobs where name = 'escalate'")
        population.settle(connection)
    with tempfile.TemporaryDirectory() as folder:
        took = Path(folder) / "took.json"
        with serve.process(url, program=("ops.bench.timed", str(took))) as served:
            tally, elapsed = uvloop.run(_measure(served.port, master, made, rate, seconds))
        calls = json.loads(took.read_text())[REPORT]
    return Result(
        subscriptions=subscriptions,
        offered=tally.offered,
        answered=len(tally.latencies_ms),
        rate=round(len(tally.latencies_ms) / elapsed, 1),
        p50_ms=percentile(tally.latencies_ms, 0.5),
        p99_ms=percentile(tally.latencies_ms, 0.99),
        max_ms=percentile(tally.latencies_ms, 1),
        calls=len(calls),
        call_p50_ms=percentile(calls, 0.5),
        call_p99_ms=percentile(calls, 0.99),
        verdicts=dict(tally.verdicts),
    )


async def _measure(
    port: int, master: market.Master, followers: list[market.Follower], rate: float, seconds: float
) -> tuple[load.Tally, float]:
    """What came back, and in how many seconds."""
    reporters = [await Reporter.connect(port, follower) for follower in followers]
    publisher = await load.Publisher.connect(port, master)
    await load.first_signal(publisher)
    each = ceil(rate * (seconds + WARM_UP_S) / len(reporters)) + 1
    while publisher.seq < each:
        await publisher.client.publish(publisher.stream_id, publisher.signals(1))
        for reporter in reporters:
            await reporter.has(publisher.seq)
    await load.offer(reporters, rate, WARM_UP_S)
    started = asyncio.get_running_loop().time()
    tally = await load.offer(reporters, rate, seconds)
    elapsed = asyncio.get_running_loop().time() - started
    await asyncio.gather(publisher.client.close(), *(reporter.client.close() for reporter in reporters))
    return tally, elapsed
