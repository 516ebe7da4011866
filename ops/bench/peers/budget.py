"""What a signal costs, in units of what the loop itself costs: CPU of gateway and Postgres for a signal, beside CPU of
the echo for a message. A machine that is slow, or busy with others, is so for both."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import inf

import psycopg
import uvloop

from ops.bench import cpu, market, prepared
from ops.bench.peers import contestants
from ops.bench.peers.contestants import Contestant, Database, Lot

MASTERS = 16
ROUNDS = 5
SIGNALS = 6_000
ECHOES = 20_000


@dataclass(frozen=True)
class Budget:
    """CPU microseconds, of the cheapest of some rounds: what others take from the machine only ever adds."""

    signal_us: float
    echo_us: float

    @property
    def ratio(self) -> float:
        return self.signal_us / self.echo_us


def measure(url: str, *, rounds: int = ROUNDS) -> Budget:
    """Of a database that is deployed, on this machine."""
    signal_us = echo_us = inf
    with psycopg.connect(url, autocommit=True) as database, ExitStack() as running:
        ground = contestants.Ground(url, database, running)
        plane, echo = contestants.START["ours"](ground), contestants.START["echo"](ground)
        for _ in range(rounds):
            # Signals as masters send them under load; echoes one by one, each a turn of the loop.
            signal_us = min(signal_us, _cost(plane, database, SIGNALS, frame=prepared.FRAME, depth=prepared.DEPTH))
            echo_us = min(echo_us, _cost(echo, database, ECHOES, frame=1, depth=1))
    return Budget(signal_us, echo_us)


def _cost(contestant: Contestant, database: Database, count: int, *, frame: int, depth: int) -> float:
    masters = market.masters(database, MASTERS, ttl_ms=600_000)
    each = count // MASTERS + 2
    lots = [Lot(one, 0, prepared.signals(one.stream_id, each)) for one in masters]
    return uvloop.run(_measure(contestant, lots, count, frame, depth))


async def _measure(contestant: Contestant, lots: Sequence[Lot], count: int, frame: int, depth: int) -> float:
    async with contestant.connect(lots) as sources:
        processes = contestant.processes()
        before = cpu.seconds(processes)
        found = await prepared.saturate(sources, count, frame=frame, depth=depth)
        assert found.answered == count, f"{found.answered} of {count} were answered: {found.verdicts}"
        return (cpu.seconds(processes) - before) / count * 1e6
