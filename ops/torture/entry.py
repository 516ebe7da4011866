"""A gateway that can be killed at named points: `python -m ops.torture.entry URL PORT`.

The points are wrapped around the gateway's own functions here, so that the gateway itself has no switch that could
be left on. It obeys lines on standard input: `trap POINT N` (die there, at the Nth time) and `tasks` (say how many).
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from gateway import calls, lanes, main
from gateway.connection import _HANDLERS, ClientConnection
from gateway.delivery import Subscribers
from gateway.fanout import Fanout
from gateway.settings import Settings
from ops.schema import deploy

READY = "ready"

Reached = Callable[[], None]


def after_read(reached: Reached) -> None:
    """A frame of signals has been read, and nothing was done with it."""
    publish = _HANDLERS["publish"]

    def wrapped(client: ClientConnection, frame: Any) -> None:
        reached()
        publish(client, frame)

    _HANDLERS["publish"] = wrapped


def before_call(reached: Reached) -> None:
    """Signals are about to be sent to the database."""
    _around_execute(calls.INGEST, before=reached)


def during_call(reached: Reached) -> None:
    """Signals were sent to the database, which has not answered."""

    def soon() -> None:
        asyncio.get_running_loop().call_soon(reached)

    _around_execute(calls.INGEST, before=soon)


def after_commit(reached: Reached) -> None:
    """The database has committed signals; nobody was told."""
    _before_done(calls.INGEST, reached)


def before_dispatch(reached: Reached) -> None:
    """The master has its ack; nothing was dispatched yet."""
    _before(Fanout, "_dispatch", reached)


def after_dispatch(reached: Reached) -> None:
    """Deliveries are committed; no subscriber was sent one."""
    _before(Subscribers, "push", reached)


def before_report(reached: Reached) -> None:
    """Reports are about to be sent to the database."""
    _around_execute(calls.REPORT, before=reached)


def after_report(reached: Reached) -> None:
    """The database has committed reports; nobody was told."""
    _before_done(calls.REPORT, reached)


POINTS = {
    point.__name__: point
    for point in (
        after_read, before_call, during_call, after_commit, before_dispatch, after_dispatch, before_report, after_report
    )
}  # fmt: skip


def ack_before_commit() -> None:
    """The bug that the checker must find: signals are acked, all accepted, and only then written."""
    execute = lanes.Link._execute

    async def hasty(self: lanes.Link, connection: lanes.Connection, call: lanes.Batch | lanes.Single) -> bool:
        if isinstance(call, lanes.Batch) and call.sql == calls.INGEST:
            now = datetime.now(UTC)
            seqs = call.columns[3]
            lanes.Batch.done(call, [(0, "ACCEPTED", "ACCEPTED", None, seq + 1, 1, now) for seq in seqs])
            call.jobs = []
        return await execute(self, connection, call)

    _replace(lanes.Link, "_execute", hasty)


def _around_execute(sql: str, *, before: Reached) -> None:
    execute = lanes.Link._execute

    async def wrapped(self: lanes.Link, connection: lanes.Connection, call: lanes.Batch | lanes.Single) -> bool:
        if call.sql == sql:
            before()
        return await execute(self, connection, call)

    _replace(lanes.Link, "_execute", wrapped)


def _before_done(sql: str, reached: Reached) -> None:
    done = lanes.Batch.done

    def wrapped(self: lanes.Batch, rows: Any) -> None:
        if self.sql == sql:
            reached()
        done(self, rows)

    _replace(lanes.Batch, "done", wrapped)


def _before(owner: type, name: str, reached: Reached) -> None:
    method = getattr(owner, name)

    def wrapped(*arguments: Any, **named: Any) -> Any:
        reached()
        return method(*arguments, **named)

    _replace(owner, name, wrapped)


def _replace(owner: type, name: str, by: Callable[..., Any]) -> None:
    """In this process only: the gateway itself has no hook for being killed."""
    setattr(owner, name, by)


@dataclass
class Trap:
    """Where the process kills itself, and at the how manieth time: nothing is flushed, nothing is closed."""

    point: str = ""
    left: int = 0

    def reached(self, point: str) -> None:
        if point == self.point:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def _obey(trap: Trap, line: str) -> None:
    """One command of the harness."""
    match line.split():
        case ["tasks"]:
            _say(f"tasks {len(asyncio.all_tasks())}")
        case ["trap", point, left]:
            trap.left, trap.point = int(left), point
            _say(f"trap {point}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def run() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("port", type=int)
    parser.add_argument("--ack-before-commit", action="store_true")
    options = parser.parse_args()
    trap = Trap()
    for name, point in POINTS.items():
        point(partial(trap.reached, name))
    if options.ack_before_commit:
        ack_before_commit()

    def ready(_host: str, _port: int) -> None:
        asyncio.get_running_loop().add_reader(sys.stdin, lambda: _obey(trap, sys.stdin.readline()))
        _say(READY)

    main.run(Settings(database_url=options.url, port=options.port), deploy.fingerprint(), ready)


if __name__ == "__main__":
    run()
