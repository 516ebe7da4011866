"""The one connection that listens. What it hears is a hint: whoever is woken reads from a cursor."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from gateway.calls import NOW, microseconds
from gateway.lanes import Connect, Connection, keep
from gateway.tasks import begin, end

KEEPALIVE = 1.0
BACKOFF = 0.2

Heard = Callable[[int, str], None]
"""Called with the process id of the notifying backend, and the payload."""


class PlaneClock:
    """The database's clock, from samples of it: of the last few, the one with the shortest round trip."""

    def __init__(self) -> None:
        self._samples: deque[tuple[int, int]] = deque(maxlen=8)
        self._offset_us = 0

    async def read(self, connection: Connection) -> None:
        """Take a sample."""
        before = time.time_ns() // 1000
        plane = microseconds(await connection.fetchval(NOW, timeout=KEEPALIVE))
        after = time.time_ns() // 1000
        self._samples.append((after - before, plane - (before + after) // 2))
        self._offset_us = min(self._samples)[1]

    def now_us(self) -> int:
        return time.time_ns() // 1000 + self._offset_us


class Listener:
    """LISTENs first and calls `caught_up` second, after every reconnect too; holds no transaction."""

    def __init__(
        self, connect: Connect, channels: Mapping[str, Heard], caught_up: Callable[[], None], clock: PlaneClock
    ) -> None:
        self._connect = connect
        self._channels = channels
        self._caught_up = caught_up
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []
        self._heard_at = asyncio.get_running_loop().time()

    @property
    def silence(self) -> float:
        """Seconds since the database was last heard over this connection."""
        return asyncio.get_running_loop().time() - self._heard_at

    @property
    def is_alive(self) -> bool:
        """Whether it listens: its connection answered just now."""
        return self.silence < 3 * KEEPALIVE

    def start(self) -> None:
        self._tasks = [begin(keep("listener", self._connect, self._listen, BACKOFF), "listener")]

    async def stop(self) -> None:
        await end(self._tasks)

    async def _listen(self, connection: Connection) -> None:
        for channel, heard in self._channels.items():
            await connection.add_listener(channel, _callback(heard))
        self._caught_up()
        while True:
            # A dead peer is noticed by asking it something.
            await self._clock.read(connection)
            self._heard_at = asyncio.get_running_loop().time()
            await asyncio.sleep(KEEPALIVE)


def _callback(heard: Heard) -> Callable[[Any, int, str, object], None]:
    return lambda _connection, pid, _channel, payload: heard(pid, str(payload))
