"""Planes that are broken on purpose. Where the checker finds nothing in one, it would find nothing anywhere."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from ops.postgres import StackName
from ops.torture import world
from ops.torture.checker import Findings
from ops.torture.server import Server

ATTEMPTS = 10
PATIENCE_S = 60.0
INGESTING = "select pid from pg_stat_activity where application_name like 'ecp gateway provider%' order by pid"


@dataclass(frozen=True)
class Control:
    """`run` gives what the checker found. It must be a breach that begins with `finds`; where that is empty, there
    must be none: it is the same plane, not broken."""

    id: str
    what: str
    run: Callable[[StackName, Path, Random], Awaitable[Findings]]
    finds: str = ""


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
