"""N4: the database is there and does not answer, or is not there at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from gateway import ecp_pb2 as pb
from ops.torture.fault import Outcome, Turn
from ops.torture.load import Master
from ops.torture.world import World

REFUSED_MS = 500.0
RECOVERED_S = 5.0
BUSY_MS = 2000.0
"""Lanes that share a connection wait for each other: four of them, 400 ms each, and then some."""
PROBES = 20
PATIENCE_S = 60.0
LOCK = "lock table signals.stream_heads in access exclusive mode"


async def outages(world: World, dice: Random, _turn: Turn) -> Outcome:
    """Each kind once: refused within half a second, nothing accepted, and back by itself within five."""
    outcome = Outcome(0)
    await world.load.moved(dice.randint(1, 30), PATIENCE_S)
    for outage, limit_ms in ((down, REFUSED_MS), (hung, REFUSED_MS), (busy, BUSY_MS)):
        outcome.said += await world.settle()
        async with outage(world):
            await _probe(world.load.masters, outcome, outage.__name__, limit_ms)
        began = asyncio.get_running_loop().time()
        world.load.go()
        await world.load.moved(1, PATIENCE_S)
        outcome.measure("recovered s", asyncio.get_running_loop().time() - began, RECOVERED_S)
        outcome.injected += 1
    return outcome


@asynccontextmanager
async def down(world: World) -> AsyncIterator[None]:
    """The server is shut down; `recovered` counts from when it takes connections again."""
    await world.server.stop()
    yield
    await world.server.start()


@asynccontextmanager
async def hung(world: World) -> AsyncIterator[None]:
    """Every process of the server is stopped: it takes connections, and says nothing."""
    with world.server.frozen():
        yield


@asynccontextmanager
async def busy(world: World) -> AsyncIterator[None]:
    """Every connection of the gateway that ingests waits for a lock: the pool is exhausted."""
    with world.connect() as connection, connection.transaction():
        connection.execute(LOCK)
        yield


async def _probe(masters: list[Master], outcome: Outcome, what: str, limit_ms: float) -> None:
    """Frames of one signal each, one after the other on each connection: all undecided, none late."""
    loop = asyncio.get_running_loop()

    async def probe(master: Master) -> None:
        for _ in range(PROBES // len(masters)):
            sent = loop.time()
            ack = await master.probe()
            outcome.measure(f"{what}: refused ms", (loop.time() - sent) * 1000, limit_ms)
            outcome.expect(
                list(ack.verdicts) == [pb.UNDECIDED], f"{what}: answered {[pb.Verdict.Name(v) for v in ack.verdicts]}"
            )

    await asyncio.gather(*map(probe, masters))
