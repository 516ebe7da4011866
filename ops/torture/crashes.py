"""C1, C2, C3: processes that are killed while they work."""

import asyncio
from random import Random

from ops.torture.entry import POINTS
from ops.torture.fault import Outcome, Turn
from ops.torture.world import World

READY_S = 10.0
PATIENCE_S = 60.0
BACKENDS = "select pid from pg_stat_activity where pid <> pg_backend_pid() order by pid"


async def backend(world: World, dice: Random, _turn: Turn) -> Outcome:
    """SIGKILL one process of the server, whichever: the server ends all the others, and recovers by itself."""
    outcome = Outcome()
    await world.load.moved(dice.randint(1, 60), PATIENCE_S)
    with world.connect() as connection:
        (pid,) = dice.choice(connection.execute(BACKENDS).fetchall())
    began = asyncio.get_running_loop().time()
    await world.kill_backend(pid)
    await world.load.moved(1, PATIENCE_S)
    outcome.measure("next ack s", asyncio.get_running_loop().time() - began)
    return outcome


async def postmaster(world: World, dice: Random, _turn: Turn) -> Outcome:
    """SIGKILL the server with all its processes, and start it."""
    outcome = Outcome()
    await world.load.moved(dice.randint(1, 60), PATIENCE_S)
    world.server.kill()
    began = asyncio.get_running_loop().time()
    await world.server.start()
    outcome.measure("ready s", asyncio.get_running_loop().time() - began, READY_S)
    await _works_again(world, outcome)
    return outcome


async def gateway(world: World, dice: Random, turn: Turn) -> Outcome:
    """SIGKILL the gateway at one of its points, each in its turn, and start another on its port."""
    outcome = Outcome()
    point = list(POINTS)[turn.number % len(POINTS)]
    await world.gateway.trap(point, dice.randint(1, 10))
    async with asyncio.timeout(PATIENCE_S):
        await world.gateway.ended()
    await world.gateway.start()
    await _works_again(world, outcome)
    return outcome


async def _works_again(world: World, outcome: Outcome) -> None:
    """Not before the next ack."""
    began = asyncio.get_running_loop().time()
    await world.load.moved(1, PATIENCE_S)
    outcome.measure("next ack s", asyncio.get_running_loop().time() - began)
