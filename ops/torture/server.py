"""The Postgres that is broken: killed, stopped, and started again."""

import asyncio
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg

from ops.errors import Refusal
from ops.postgres import StackName, stack
from ops.postgres.cluster import Cluster

# A full notification queue needs to be small to be filled; and without its own writing in the background the server
# has on disk what the log says, and no more, so that a power cut can be acted out (ops/torture/power.py).
SETTINGS = {"max_notify_queue_pages": "64", "bgwriter_lru_maxpages": "0", "log_checkpoints": "off"}
PROC = Path("/proc")
GONE = ""


class Server:
    """A cluster of the torture's own, with its processes."""

    def __init__(self, name: StackName, **settings: str) -> None:
        found = stack(name, purpose="torture")
        if not isinstance(found, Cluster):
            raise Refusal("TRD09", "the server runs in a container, where it cannot be killed", "use --stack embedded")
        self.cluster = replace(found, settings=found.settings | SETTINGS | settings)

    async def start(self) -> None:
        await asyncio.to_thread(self.cluster.start)

    async def stop(self) -> None:
        await asyncio.to_thread(self.cluster.stop)

    async def remove(self) -> None:
        await asyncio.to_thread(self.cluster.remove)

    def connect(self, url: str) -> psycopg.Connection[Any]:
        return psycopg.connect(url, autocommit=True, connect_timeout=5)

    def postmaster(self) -> int:
        return int((self.cluster.home / "data" / "postmaster.pid").read_text().split("\n", 1)[0])

    def processes(self) -> list[int]:
        """The postmaster, then its children."""
        postmaster = self.postmaster()
        return [postmaster, *_children(postmaster)]

    def kill(self) -> None:
        """SIGKILL the postmaster and all its children; they are gone on return."""
        postmaster = self.postmaster()
        # Stopped first, so that it makes no more children, and those there are do not notice that it is gone.
        os.kill(postmaster, signal.SIGSTOP)
        doomed = [*_children(postmaster), postmaster]
        signal_all(doomed, signal.SIGKILL)
        # Until they were reaped, too: a postmaster does not start while there is a process of its predecessor's id.
        while any(_stat(pid)[0] != GONE for pid in doomed):
            os.sched_yield()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """SIGSTOP every process meanwhile, the postmaster first, so that none is added."""
        stopped = self.processes()
        signal_all(stopped, signal.SIGSTOP)
        try:
            yield
        finally:
            signal_all(reversed(stopped), signal.SIGCONT)


def signal_all(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _children(parent: int) -> list[int]:
    pids = [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if _stat(pid)[1] == parent]


def _stat(pid: int) -> tuple[str, int]:
    """Its state, as a letter, and its parent."""
    try:
        state, parent = (PROC / str(pid) / "stat").read_text().rpartition(") ")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return GONE, 0
    return state, int(parent)
