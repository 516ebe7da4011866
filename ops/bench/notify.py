"""`ecp bench notify`: a commit that notifies → a gateway's listener hears it."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import uvloop

from gateway.lanes import Link, connector
from gateway.settings import Settings
from ops import scratch
from ops.bench import load, prepared
from ops.bench.figures import Figures, percentile
from ops.postgres import Stack

CHANNEL = "ecp_bench"
NOTIFY = f"select pg_notify('{CHANNEL}', $1::text)"
WARM_UP = 50
DEADLINE_S = 5.0
DEPTH = 8
"""Commits that each connection has waiting when answers alone set the pace."""


@dataclass(frozen=True)
class Result(Figures):
    """Latencies in ms from when a notification was due to when the last listener heard it, its commit included."""

    listeners: int
    offered_rate: float
    offered: int
    heard: int
    """By every listener."""
    rate: float
    """Notifications a second, a commit each, when answers alone set the pace."""
    p50_ms: float
    p99_ms: float
    max_ms: float

    def lines(self) -> Iterator[str]:
        yield (
            f"offered {self.offered} notifications, {self.offered_rate:g}/s, to {self.listeners} listeners: "
            f"{self.heard} heard by all; {self.rate:,.0f}/s as fast as they are heard"
        )
        yield f"due → heard: p50 {self.p50_ms} ms, p99 {self.p99_ms} ms, max {self.max_ms} ms"


@dataclass
class Sending:
    """A notification that is on its way."""

    left: int
    """Listeners that have not heard it."""
    answer: "asyncio.Future[int] | None"
    """Whom to tell, if it is the last of some that were due together."""


class Notifier:
    """A connection as the gateway's fan-out has it."""

    def __init__(self, link: Link, listeners: int) -> None:
        self._link = link
        self._listeners = listeners
        self._sent = 0
        self._sending: dict[int, Sending] = {}

    def send(self, times: Sequence[float]) -> "asyncio.Future[int]":
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        for left in reversed(range(len(times))):
            self._sent += 1
            self._sending[self._sent] = Sending(self._listeners, None if left else answer)
            self._link.call(0, NOTIFY, str(self._sent))
        return answer

    def verdicts(self, _answer: int) -> list[str]:
        return []

    def heard(self, number: int) -> None:
        """One listener has heard it. Commits are heard in their order."""
        sending = self._sending[number]
        sending.left -= 1
        if not sending.left:
            del self._sending[number]
            if sending.answer is not None:
                sending.answer.set_result(number)


def run(stack: Stack, *, rate: float, seconds: float, listeners: int) -> Result:
    """`rate` notifications a second, over as many connections as the gateway's fan-out has."""
    url = scratch.database(stack, "ecp_bench")
    return uvloop.run(_measure(url, rate, seconds, listeners))


async def _measure(url: str, rate: float, seconds: float, listeners: int) -> Result:
    settings = Settings()
    async with AsyncExitStack() as open_:
        notifiers: dict[int, Notifier] = {}
        for number in range(settings.fanout_connections):
            link = Link(
                f"bench {number}",
                connector(url, settings.database_role, f"bench {number}"),
                [NOTIFY],
                deadline=DEADLINE_S,
            )
            await link.start()
            open_.push_async_callback(link.stop)
            notifiers[link.pid] = Notifier(link, listeners)
        for number in range(listeners):
            connection = await connector(url, settings.database_role, f"bench listener {number}")()
            open_.push_async_callback(connection.close)
            await connection.add_listener(
                CHANNEL, lambda _connection, pid, _channel, payload: notifiers[pid].heard(int(str(payload)))
            )
        sources = list(notifiers.values())
        await prepared.saturate(sources, WARM_UP, frame=1, depth=1)
        tally = await load.offer(sources, rate, seconds)
        fast = await prepared.saturate(sources, round(rate * seconds), frame=1, depth=DEPTH)
    return Result(
        listeners=listeners,
        offered_rate=rate,
        offered=tally.offered,
        heard=len(tally.latencies_ms),
        rate=round(fast.rate, 1),
        p50_ms=percentile(tally.latencies_ms, 0.5),
        p99_ms=percentile(tally.latencies_ms, 0.99),
        max_ms=percentile(tally.latencies_ms, 1),
    )
