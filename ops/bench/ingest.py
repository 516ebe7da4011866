"""`ecp bench ingest`: send → verified → durable → ack, over TCP, at a stated rate."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import uvloop

from ops import scratch
from ops.bench import load, market, population
from ops.bench.figures import Figures, percentile
from ops.postgres import Stack
from ops.serve import gateway


@dataclass(frozen=True)
class Result(Figures):
    """Latencies in ms from the moment when a signal was due to the arrival of its ack."""

    offered: int
    acked: int
    rate: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    verdicts: dict[str, int]

    def lines(self) -> Iterator[str]:
        yield f"offered {self.offered} signals, acked {self.acked}, {self.rate:.0f}/s"
        yield f"due → durable ack: p50 {self.p50_ms} ms, p99 {self.p99_ms} ms, max {self.max_ms} ms"
        yield "verdicts: " + ", ".join(f"{name} {count}" for name, count in self.verdicts.items())


def run(stack: Stack, *, rate: float, seconds: float, masters: int, ttl_ms: int) -> Result:
    """Offer `rate` signals a second for `seconds`, from `masters` connections, to a gateway of this bench's own."""
    url = scratch.database(stack, "ecp_bench")
    with psycopg.connect(url, autocommit=True) as connection:
        made = market.masters(connection, masters, ttl_ms=ttl_ms)
        population.settle(connection)
    with gateway(url) as port:
        return uvloop.run(_measure(port, made, rate, seconds))


async def _measure(port: int, masters: list[market.Master], rate: float, seconds: float) -> Result:
    publishers = [await load.Publisher.connect(port, master) for master in masters]
    await load.warm_up(publishers, rate / 4)
    started = asyncio.get_running_loop().time()
    tally = await load.offer(publishers, rate, seconds)
    elapsed = asyncio.get_running_loop().time() - started
    for publisher in publishers:
        await publisher.client.close()
    return Result(
        offered=tally.offered,
        acked=len(tally.latencies_ms),
        rate=round(len(tally.latencies_ms) / elapsed, 1),
        p50_ms=percentile(tally.latencies_ms, 0.5),
        p99_ms=percentile(tally.latencies_ms, 0.99),
        max_ms=percentile(tally.latencies_ms, 1),
        verdicts=dict(tally.verdicts),
    )
