"""Has the database run what is due: its jobs are functions there, and this is only their clock."""

import asyncio

import asyncpg
import structlog

from gateway.calls import RUN_DUE_JOB, SET_TIMEOUTS
from gateway.lanes import LOST, Connect, Connection
from gateway.tasks import end

log = structlog.get_logger(__name__)

EVERY = 1.0


class Ticker:
    """Every second, over a connection of its own, since a job may take longer than a client would wait."""

    def __init__(self, connect: Connect, *, deadline: float) -> None:
        """The server gives up on a job that takes longer than `deadline` (seconds)."""
        self._connect = connect
        self._deadline = deadline
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._run(), name="ticker")]

    async def stop(self) -> None:
        await end(self._tasks)

    async def _run(self) -> None:
        while True:
            try:
                connection = await self._connect()
            except LOST as error:
                log.debug("ticker cannot connect", error=repr(error))
            else:
                try:
                    await self._tick(connection)
                except LOST as error:
                    log.warning("ticker lost its connection", error=repr(error))
                finally:
                    connection.terminate()
            await asyncio.sleep(EVERY)

    async def _tick(self, connection: Connection) -> None:
        """Until the connection is lost."""
        await connection.execute(SET_TIMEOUTS, str(int(self._deadline * 1000)), timeout=EVERY)
        while True:
            try:
                # One at a time: what a job locks, it keeps until the call ends.
                while await connection.fetchval(RUN_DUE_JOB, timeout=self._deadline + EVERY):
                    pass
            except asyncpg.PostgresError as error:
                if connection.is_closed():
                    raise
                log.warning("jobs failed", sqlstate=error.sqlstate, error=str(error))
            await asyncio.sleep(EVERY)
