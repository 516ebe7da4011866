"""Has the database run what is due: its jobs are functions there, and this is only their clock."""

import asyncio

from gateway.calls import RUN_DUE_JOB, SET_TIMEOUTS
from gateway.lanes import Connect, Connection, keep
from gateway.tasks import begin, end

EVERY = 1.0
# So that a job that takes long holds up no other.
CLOCKS = 2


class Ticker:
    """Every second, over connections of its own, since a job may take longer than a client would wait."""

    def __init__(self, connect: Connect, *, deadline: float) -> None:
        """The server gives up on a job that takes longer than `deadline` (seconds)."""
        self._connect = connect
        self._deadline = deadline
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [begin(keep("jobs", self._connect, self._tick, EVERY), "ticker") for _ in range(CLOCKS)]

    async def stop(self) -> None:
        await end(self._tasks)

    async def _tick(self, connection: Connection) -> None:
        """Until it fails. What a single job fails with is kept by the database, and no failure here."""
        await connection.execute(SET_TIMEOUTS, str(int(self._deadline * 1000)), timeout=EVERY)
        while True:
            # One at a time: what a job locks, it keeps until the call ends.
            while await connection.fetchval(RUN_DUE_JOB, timeout=self._deadline + EVERY):
                pass
            await asyncio.sleep(EVERY)
