"""A plane under load: a database of its own, a gateway in its own process, clients, and their journal."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import psycopg

from ops import scratch
from ops.bench import market
from ops.torture import checker, journal
from ops.torture.broker import Broker
from ops.torture.checker import Findings
from ops.torture.journal import Journal
from ops.torture.load import Follower, Load, Master, until
from ops.torture.process import GatewayProcess
from ops.torture.server import Server

MASTERS = 4
FOLLOWERS = 6
TTL_MS = 600_000
SETTLE_S = 30.0
ASK_S = 0.05
"""How often the database is asked: each time it makes a process for it."""
RECOVERED_S = 60.0
HEADS = "select subscription_id, delivery_seq from signals.subscription_heads"
BEHIND = "select from ops.dispatch_violations where invariant = 'dispatch_has_caught_up'"


@dataclass
class World:
    """What a fault is injected into."""

    server: Server
    url: str
    directory: Path
    gateway: GatewayProcess
    journal: Journal
    load: Load
    _resent: list[int]

    def connect(self) -> psycopg.Connection[Any]:
        """As superuser; raises psycopg.OperationalError while the server is away."""
        return self.server.connect(self.url)

    async def kill_backend(self, pid: int) -> None:
        """SIGKILL one process of the server; returns when the server has ended the others, and is there again.
        Raises TimeoutError."""
        with self.connect() as witness:
            os.kill(pid, signal.SIGKILL)
            await until(lambda: _is_lost(witness), RECOVERED_S)
        await self.recovered(RECOVERED_S)

    async def recovered(self, seconds: float) -> None:
        """Wait until the server takes connections. Raises TimeoutError."""
        await until(self.server.cluster.running, seconds, every=ASK_S)

    async def settle(self) -> list[str]:
        """Let the masters finish and the followers catch up; what kept them from it, after half a minute."""
        self.load.pause()
        try:
            await until(lambda: self.load.is_idle and self._has_arrived(), SETTLE_S, every=ASK_S)
        except TimeoutError:
            return [f"did not settle within {SETTLE_S:.0f} s"]
        return []

    async def resend(self) -> None:
        """What was acked since the last time, once more: the journal gets what the plane answers now."""
        for number, master in enumerate(self.load.masters):
            await master.resend(self._resent[number] + 1)
            self._resent[number] = len(master.sent)

    def check(self, *, invariants: bool) -> Findings:
        """Everything in the journal against everything in the database."""
        with self.connect() as connection:
            found = checker.check(
                connection,
                journal.read(self.journal.path),
                received={f.follower.subscription_id: f.last for f in self.load.followers},
                orders=self.load.broker.orders,
            )
            if invariants:
                checker.check_invariants(found, connection)
        found.breaches += self.load.breaches()
        return found

    def _has_arrived(self) -> bool:
        """Whether every follower has all that was decided for him, and nothing is left to decide."""
        try:
            with self.connect() as connection:
                heads = dict(connection.execute(HEADS).fetchall())
                is_behind = connection.execute(BEHIND).fetchone() is not None
        except psycopg.Error:
            return False
        return not is_behind and all(heads[f.follower.subscription_id] == f.last for f in self.load.followers)


def _is_lost(connection: psycopg.Connection[Any]) -> bool:
    try:
        connection.execute("select")
    except psycopg.Error:
        return True
    return False


@asynccontextmanager
async def opened(
    server: Server, directory: Path, seed: str, *options: str, masters: int = MASTERS, followers: int = FOLLOWERS
) -> AsyncIterator[World]:
    """`peopled`, in a database that is made anew on a server that runs."""
    url = await asyncio.to_thread(scratch.database, server.cluster, "ecp_torture")
    async with peopled(server, url, directory, seed, *options, masters=masters, followers=followers) as world:
        yield world


@asynccontextmanager
async def peopled(
    server: Server,
    url: str,
    directory: Path,
    seed: str,
    *options: str,
    masters: int = MASTERS,
    followers: int = FOLLOWERS,
) -> AsyncIterator[World]:
    """With its load connected and paused. `options` are the gateway's, see ops.torture.entry."""
    with server.connect(url) as connection:
        streams = market.masters(connection, masters, ttl_ms=TTL_MS)
        subscriptions = []
        for number, master in enumerate(streams):
            made = market.followers(connection, len(range(number, followers, masters)), master.stream_id)
            market.charge(connection, master, made)
            subscriptions += made
    log = Journal(directory / "clients.jsonl")
    gateway = GatewayProcess(url, directory / "gateway.log")
    await gateway.start(*options)
    broker = Broker()
    load = Load(
        [Master(gateway.port, master, log, Random(f"{seed} {n}")) for n, master in enumerate(streams)],
        [Follower(gateway.port, follower, log, broker) for follower in subscriptions],
        broker,
    )
    load.start()
    try:
        yield World(server, url, directory, gateway, log, load, [0] * masters)
    finally:
        await load.stop()
        await gateway.terminate()
        log.close()
