"""N6: the hints that say that there is something to deliver are late, lost, or too many."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from ops.torture.fault import Outcome, Turn
from ops.torture.load import until
from ops.torture.process import GatewayProcess
from ops.torture.world import World

BURST = 150
PATIENCE_S = 60.0
CAUGHT_UP_S = 1.0
RECONNECTS = 5
LISTENERS = "select pid from pg_stat_activity where application_name = 'ecp gateway listener' order by backend_start"
FILL = "select pg_notify('ecp_torture', repeat('x', 7900) || n) from generate_series(1, 8) as n"
FULL = "select pg_notification_queue_usage() >= 0.25"
ALARM = "select from ops.alarms where alarm = 'NOTIFY_QUEUE'"


async def hints(world: World, dice: Random, _turn: Turn) -> Outcome:
    """Followers on a gateway of their own hear by NOTIFY alone what the masters' gateway has dispatched: its listener
    is killed, then stopped, in a burst; the followers come and go in one; and the queue is filled by a quarter."""
    outcome = Outcome(0)
    async with _second_gateway(world) as second:
        await _move_followers(world, second.port)
        for trouble in (_kill_listener, _stop_listener, _reconnect, _fill_queue):
            outcome.said += await world.settle()
            world.load.go()
            await world.load.moved(dice.randint(1, BURST // 2), PATIENCE_S)
            async with trouble(world, outcome):
                outcome.measure(f"{trouble.__name__[1:]}: caught up s", await _catch_up(world, outcome), CAUGHT_UP_S)
            outcome.injected += 1
        await _move_followers(world, world.gateway.port)
    return outcome


async def _catch_up(world: World, outcome: Outcome) -> float:
    """Seconds from the last ack of the burst to the last delivery of it."""
    world.load.pause()
    await until(lambda: all(master.is_idle for master in world.load.masters), PATIENCE_S)
    began = asyncio.get_running_loop().time()
    outcome.said += await world.settle()
    return max(0.0, *(follower.received_at - began for follower in world.load.followers))


@asynccontextmanager
async def _kill_listener(world: World, outcome: Outcome) -> AsyncIterator[None]:
    with world.connect() as connection:
        pid = connection.execute(LISTENERS).fetchall()[-1][0]
        connection.execute("select pg_terminate_backend(%s)", [pid])
    await world.load.moved(BURST, PATIENCE_S)
    with world.connect() as connection:
        outcome.expect((pid,) not in connection.execute(LISTENERS).fetchall(), "the listener was not killed")
    yield


@asynccontextmanager
async def _stop_listener(world: World, _outcome: Outcome) -> AsyncIterator[None]:
    """Its backend hears nothing and says nothing, until everything has arrived without it."""
    with world.connect() as connection:
        pid = connection.execute(LISTENERS).fetchall()[-1][0]
    os.kill(pid, signal.SIGSTOP)
    try:
        await world.load.moved(BURST, PATIENCE_S)
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def _reconnect(world: World, _outcome: Outcome) -> AsyncIterator[None]:
    """Every follower comes back again and again: between the reading of the log and the first hint nothing is lost."""
    for _ in range(RECONNECTS):
        for follower in world.load.followers:
            if follower.client is not None:
                follower.client.abort()
        await world.load.moved(BURST // RECONNECTS, PATIENCE_S)
    yield


@asynccontextmanager
async def _fill_queue(world: World, outcome: Outcome) -> AsyncIterator[None]:
    """A session that listens, and stays in its transaction, keeps everything in the queue."""
    with world.connect() as sleeper, world.connect() as filler:
        sleeper.execute("listen ecp_torture")
        with sleeper.transaction():
            sleeper.execute("select")
            while filler.execute(FULL).fetchone() != (True,):
                filler.execute(FILL)
            outcome.expect(filler.execute(ALARM).fetchone() is not None, "a quarter of the queue is full, and no alarm")
            await world.load.moved(BURST, PATIENCE_S)
            yield
        sleeper.execute("unlisten *")


@asynccontextmanager
async def _second_gateway(world: World) -> AsyncIterator[GatewayProcess]:
    second = GatewayProcess(world.url, world.directory / "second.log")
    await second.start()
    try:
        yield second
    finally:
        await second.terminate()


async def _move_followers(world: World, port: int) -> None:
    """They connect to that gateway from now on, and have."""
    before = [follower.client for follower in world.load.followers]
    for follower in world.load.followers:
        follower.port = port
        if follower.client is not None:
            follower.client.abort()
    pairs = list(zip(world.load.followers, before, strict=True))
    await until(lambda: all(follower.client is not client for follower, client in pairs), PATIENCE_S)
