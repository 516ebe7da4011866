"""What all connections of a gateway share."""

import asyncio
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateway.delivery import Subscribers
from gateway.errors import Texts
from gateway.fanout import Fanout
from gateway.lanes import Link, Side
from gateway.listener import PlaneClock
from gateway.settings import Settings

if TYPE_CHECKING:
    from gateway.connection import ClientConnection


class Openings:
    """When licenses opened their last sessions. Only those that have shown their secret are remembered."""

    WINDOW = 10.0

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._last: dict[str, deque[float]] = {}  # the license that opened last comes last

    def are_too_many(self, license_id: str, now: float) -> bool:
        last = self._last.get(license_id)
        return last is not None and len(last) == self._limit and now - last[0] < self.WINDOW

    def add(self, license_id: str, now: float) -> None:
        last = self._last.pop(license_id, None) or deque(maxlen=self._limit)
        last.append(now)
        self._last[license_id] = last
        for other, opened in list(self._last.items()):
            if now - opened[-1] < self.WINDOW:
                break
            del self._last[other]


@dataclass
class Plane:
    """The database's sides, who is connected, and how much is undecided."""

    settings: Settings
    texts: Texts
    access: Link
    uploads: Link
    provider: Side
    subscriber: Side
    subscribers: Subscribers
    fanout: Fanout
    clock: PlaneClock
    openings: Openings
    raising: frozenset[int]
    """Actions that raise exposure, which a busy gateway may refuse."""
    connections: "set[ClientConnection]" = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    inflight: int = 0
    lease_ms: int = 15_000
    """As the database said when it last opened a session."""
    is_draining: bool = False
    progress: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever something ends that a stopping gateway may wait for."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """A task that outlives its connection, but not the gateway."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        self.progress.set()
