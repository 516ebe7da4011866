"""What happens now, for all who watch: one listener, one reading for each hint, and the same bytes to every browser."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any, NamedTuple

import structlog

from gateway.http import calls
from gateway.http.api import TENANT, Api
from gateway.http.console import pages
from gateway.http.problems import Problem
from gateway.lanes import Connect
from gateway.listener import Listener, PlaneClock
from gateway.tasks import begin, end

log = structlog.get_logger(__name__)

CHANNELS = ("ecp_deliveries", "ecp_routes", "ecp_alerts")
PAUSE = 1.0
"""Hints that come within it are one reading."""
SHARE = 10
"""And a reading that takes long is made the more seldom: the database spends a tenth of one core on it, at most."""
BEAT = 5.0
"""Without a hint there is a reading all the same: rates fall and ages grow by themselves."""
WATCH = 120.0
KEPT = 60
COUNTERS = ("signals", "deliveries")
STAGES = ("RECEIVED", "DECIDED", "EXECUTED", "REPORTED")
AT_ONCE = 5
BETWEEN = 0.005
"""So many browsers are told, and then the loop is left to those who trade, who may be served by the same one."""


class Point(NamedTuple):
    """A reading, as charts draw it."""

    at: datetime
    rates: list[float]
    """Of each counter, in a second since the reading before."""
    p99_ms: list[float | None]
    """Of each stage."""


class Live:
    """`start`, then `stop`; in between `watch`. It reads while somebody watches, in the role of one of those who do."""

    def __init__(self, api: Api, connect: Connect, most: int) -> None:
        """`most`: browsers at once."""
        self._api = api
        self._most = most
        self._hint = asyncio.Event()
        self._watched = asyncio.Event()
        self._watchers: dict[asyncio.Event, str] = {}
        self._last: Any = None
        self._events = b""
        self.points: deque[Point] = deque(maxlen=KEPT)
        heard = dict.fromkeys(CHANNELS, lambda _pid, _payload: self._hint.set())
        self._listener = Listener(connect, heard, self._hint.set, PlaneClock())

    @property
    def watching(self) -> int:
        """How many browsers."""
        return len(self._watchers)

    def start(self) -> None:
        self._listener.start()
        self._tasks = [begin(self._run(), "console")]

    async def stop(self) -> None:
        self._most = 0
        for event in self._watchers:
            event.set()
        await end(self._tasks)
        await self._listener.stop()

    def watch(self, role: str) -> AsyncGenerator[bytes, None]:
        """Server-sent events of each reading from now on; who is slower than they come misses some. It ends after
        a while, so that a browser comes again and shows who it is. Raises TRP09 when too many watch."""
        if len(self._watchers) >= self._most:
            raise Problem("TRP09", f"no more than {self._most} browsers are told what happens", status=503)
        return self._watch(role)

    async def _watch(self, role: str) -> AsyncGenerator[bytes, None]:
        until = asyncio.get_running_loop().time() + WATCH
        event = asyncio.Event()
        self._watchers[event] = role
        self._watched.set()
        self._hint.set()
        try:
            yield b"retry: 1000\n\n"
            while self._most and asyncio.get_running_loop().time() < until:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(BEAT):
                        await event.wait()
                event.clear()
                yield self._events
        finally:
            del self._watchers[event]
            if not self._watchers:
                self._watched.clear()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._watched.wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hint.wait(), BEAT)
            self._hint.clear()
            began = loop.time()
            try:
                await self._read()
            except Exception as error:
                # Whatever it is (a deploy that changes the view, say), a screen must not end those who trade beside it.
                log.warning("no reading for the console", error=repr(error))
            else:
                await self._tell()
            await asyncio.sleep(max(PAUSE, SHARE * (loop.time() - began)))

    async def _read(self) -> None:
        role = next(iter(self._watchers.values()), TENANT)
        async with self._api.transaction(readonly=True) as connection:
            await connection.execute(calls.BECOME, role)
            (reading,) = await connection.fetch(calls.LIVE)
        if self._last and (seconds := (reading["at"] - self._last["at"]).total_seconds()) > 0:
            # A resync begins to count anew.
            rates = [max(0, reading[name] - self._last[name]) / seconds for name in COUNTERS]
            took = {each["stage"]: each["p99_ms"] for each in reading["latency"]}
            self.points.append(Point(reading["at"], rates, [took.get(stage) for stage in STAGES]))
        self._last = reading
        self._events = pages.events(reading, self.points)

    async def _tell(self) -> None:
        watchers = list(self._watchers)
        for first in range(0, len(watchers), AT_ONCE):
            for event in watchers[first : first + AT_ONCE]:
                event.set()
            await asyncio.sleep(BETWEEN)
