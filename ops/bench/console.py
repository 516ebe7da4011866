"""`ecp bench console`: what browsers that watch the console cost those who trade."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import uvloop

from ops import scratch
from ops.bench import load, market, population
from ops.bench.fanout import SPARE, allow_descriptors
from ops.bench.figures import Figures, percentile
from ops.errors import Refusal
from ops.postgres import Stack
from ops.serve import Served, process

ALLOWED = 2.0
"""Times the p99 without browsers."""


@dataclass(frozen=True)
class Acks:
    """Latencies in ms from the moment when a signal was due to the arrival of its ack."""

    p50_ms: float
    p99_ms: float
    max_ms: float

    @classmethod
    def of(cls, latencies_ms: list[float]) -> "Acks":
        return cls(*(percentile(latencies_ms, share) for share in (0.5, 0.99, 1)))

    def words(self) -> str:
        return f"p50 {self.p50_ms} ms, p99 {self.p99_ms} ms, max {self.max_ms} ms"


@dataclass(frozen=True)
class Result(Figures):
    """Ingest with and without them, in turns on one gateway that serves both."""

    browsers: int
    rate: float
    alone: Acks
    watched: Acks
    p99_ratio: float
    readings: int
    """What the browsers were sent, all together."""
    least: int
    """What the one was sent that got least."""

    @property
    def holds(self) -> bool:
        """Whether those who trade hardly notice."""
        return self.p99_ratio <= ALLOWED

    def lines(self) -> Iterator[str]:
        yield f"due → durable ack at {self.rate:g}/s"
        yield f"alone: {self.alone.words()}"
        yield f"with {self.browsers} browsers that watch: {self.watched.words()}; p99 {self.p99_ratio} times"
        yield f"the browsers were sent {self.readings} readings, each at least {self.least}"


def run(stack: Stack, *, browsers: int, rate: float, seconds: float, rounds: int, masters: int = 4) -> Result:
    """`rounds` times `seconds` of `rate` signals a second without, and as much with so many browsers. Raises TRD19 when
    the system does not allow so many connections."""
    allow_descriptors(browsers + SPARE)
    url = scratch.database(stack, "ecp_bench")
    with psycopg.connect(url, autocommit=True) as connection:
        made = market.masters(connection, masters, ttl_ms=60_000)
        license_token = market.operator(connection)
        population.settle(connection)
    # Half of its clients may watch, and all of these show the same token.
    options = {"ECP_HTTP_MAX_CLIENTS": str(2 * browsers + SPARE), "ECP_HTTP_RATE": "100000/second"}
    with process(url, http_port=0, options=options) as served:
        return uvloop.run(_measure(served, made, license_token, browsers, rate, seconds, rounds))


async def _measure(
    served: Served,
    masters: list[market.Master],
    license_token: str,
    browsers: int,
    rate: float,
    seconds: float,
    rounds: int,
) -> Result:
    publishers = [await load.Publisher.connect(served.port, master) for master in masters]
    await load.warm_up(publishers, rate / 4)
    alone: list[float] = []
    watched: list[float] = []
    readings: list[int] = []
    for _ in range(rounds):
        alone += (await load.offer(publishers, rate, seconds)).latencies_ms
        with _watching(served.url, license_token, browsers) as told:
            watched += (await load.offer(publishers, rate, seconds)).latencies_ms
        readings += told
    for publisher in publishers:
        await publisher.client.close()
    before, beside = Acks.of(alone), Acks.of(watched)
    return Result(
        browsers=browsers,
        rate=rate,
        alone=before,
        watched=beside,
        p99_ratio=round(beside.p99_ms / before.p99_ms, 2),
        readings=sum(readings),
        least=min(readings),
    )


@contextmanager
def _watching(url: str, license_token: str, count: int) -> Iterator[list[int]]:
    """In a process of their own, so that reading what they are sent holds up no signal. How many readings each was
    sent, once they are gone."""
    command = [sys.executable, "-m", "ops.bench.browsers", url, license_token, str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdin is not None
        assert started.stdout is not None
        if started.stdout.readline() != "ready\n":
            raise Refusal("TRD14", "the browsers did not start", "their own message is above")
        readings: list[int] = []
        yield readings
        started.stdin.close()
        readings += json.loads(started.stdout.readline())
