"""Planes that are broken on purpose. Where the checker finds nothing in one, it would find nothing anywhere."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from ops.postgres import StackName
from ops.torture import race, world
from ops.torture.checker import Findings
from ops.torture.power import Disk
from ops.torture.server import Server

ATTEMPTS = 10
PATIENCE_S = 60.0
INGESTING = "select pid from pg_stat_activity where application_name like 'ecp gateway provider%' order by pid"


@dataclass(frozen=True)
class Control:
    """`run` gives what the checker found: there must be a breach of the rule `finds`; where that is empty, none."""

    id: str
    what: str
    run: Callable[[StackName, Path, Random], Awaitable[Findings]]
    finds: str = ""
    is_short: bool = True
    """Whether it is in the short form too."""


async def ack_before_commit(stack: StackName, directory: Path, dice: Random) -> Findings:
    """The gateway acks signals before the call returns, and a backend that ingests is killed."""
    server = Server(stack)
    await server.start()
    async with world.opened(server, directory, str(dice.random()), "--ack-before-commit") as broken:
        found = Findings()
        for _ in range(ATTEMPTS):
            broken.load.go()
            await broken.load.moved(dice.randint(20, 60), PATIENCE_S)
            with broken.connect() as connection:
                pids = [pid for (pid,) in connection.execute(INGESTING).fetchall()]
            await broken.kill_backend(dice.choice(pids))
            # It is not settled first: a plane that has lost what it promised does not come to rest.
            broken.load.pause()
            found = broken.check(invariants=False)
            if found.about("lost ack"):
                break
        return found


async def power_cut(stack: StackName, directory: Path, dice: Random, **settings: str) -> Findings:
    """The power is cut under load. What was acked before is compared with what is there when the power is back."""
    server = Server(stack, **settings)
    await server.start()
    try:
        async with world.opened(server, directory, str(dice.random())) as plane:
            with plane.connect() as connection:
                disk = Disk(connection)
                plane.load.go()
                await plane.load.moved(dice.randint(100, 300), PATIENCE_S)
                plane.load.cut()
                disk.cut(server, connection)
            await server.start()
            found = plane.check(invariants=False)
            if not found.about("lost ack"):
                # All there: so it must be able to go on from here.
                plane.load.start()
                plane.load.go()
                await plane.load.moved(1, PATIENCE_S)
                late = await plane.settle()
                await plane.resend()
                found = plane.check(invariants=True)
                found.breaches += late
            return found
    finally:
        await server.start()
        await server.stop()


async def without_fsync(stack: StackName, directory: Path, dice: Random) -> Findings:
    return await power_cut(stack, directory, dice, fsync="off")


async def without_waiting(stack: StackName, directory: Path, dice: Random) -> Findings:
    return await power_cut(stack, directory, dice, synchronous_commit="off", wal_writer_delay="10s")


async def raced(stack: StackName, directory: Path, dice: Random, *breaks: Callable[[world.World], None]) -> Findings:
    """Two connections at once for every number of a stream, in a database with some of its safeguards taken out."""
    server = Server(stack)
    await server.start()
    async with world.opened(server, directory, str(dice.random())) as plane:
        plane.load.go()
        await plane.load.moved(1, PATIENCE_S)
        late = await plane.settle()
        for break_it in breaks:
            break_it(plane)
        refused = await race.race(plane, plane.load.masters[0])
        if race.drop_key not in breaks:
            # With numbers given twice it would not come to rest.
            late += await plane.settle()
        found = plane.check(invariants=False)
        found.checked["refused by the key"] += refused
        found.breaches += late
        return found


async def without_lock(stack: StackName, directory: Path, dice: Random) -> Findings:
    found = await raced(stack, directory, dice, race.skip_lock)
    if not found.checked["refused by the key"]:
        found.breaches.append("the lock was not missed: no two calls met")
    return found


async def without_lock_and_key(stack: StackName, directory: Path, dice: Random) -> Findings:
    return await raced(stack, directory, dice, race.skip_lock, race.drop_key)
