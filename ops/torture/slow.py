"""N2: clients that ask and do not read, and clients that never finish a frame."""

import asyncio
import os
import socket
from contextlib import ExitStack
from pathlib import Path
from random import Random

from gateway import ecp_pb2 as pb
from gateway.wire import encode
from ops.bench import market
from ops.bench.figures import percentile
from ops.torture.fault import Outcome, Turn
from ops.torture.world import World

WINDOW_S = 4.0
AT_ONCE = 10
ATTEMPTS = 3
"""A shared machine stutters; what is slow three times is slow."""
EVICTED_S = 10.0
GIVE_UP_S = 180.0
RATIO = 2.0
FLOOR_MS = 20.0
"""A healthy p99 below this counts as this: twice nothing is nothing."""
MEMORY_MB = 64.0
PER_READER_MB = 2.0
QUESTIONS = 5000
"""Frames of a slow reader: each is refused at length, and all answers are more than its socket and the gateway hold."""
LOOK_S = 0.1
CONNECTIONS = Path("/proc/net/tcp")


class Slow:
    """A plain socket with little room. When the gateway lets go of it, only the kernel knows: to who does not read,
    no FIN comes."""

    def __init__(self) -> None:
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        self.port = 0
        self.queued = -1
        """What the gateway's side of it had to send when last looked at, bytes."""
        self.hung_at: float | None = None
        """Since when that has not changed."""
        self.ended_at: float | None = None

    async def connect(self, port: int) -> None:
        await asyncio.get_running_loop().sock_connect(self.socket, ("127.0.0.1", port))
        self.port = self.socket.getsockname()[1]

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.socket, data)

    async def hello(self, token: str) -> None:
        """Say it, and read the answer: the last that is read."""
        hello = pb.Hello(protocol=1, token=token, instance=os.urandom(16), client="torture")
        await self.send(encode(hello, 1))
        await asyncio.get_running_loop().sock_recv(self.socket, 4096)

    def look(self, held: dict[int, int], now: float) -> None:
        """`held` is what the gateway has open."""
        queued = held.get(self.port)
        if queued is None:
            # It may still wait to be accepted.
            self.ended_at = None if self.hung_at is None else now
        elif queued != self.queued:
            self.queued, self.hung_at = queued, now


async def slow(world: World, _dice: Random, turn: Turn) -> Outcome:
    """`turn.size` slow readers, and as many slow writers, all at once."""
    for attempt in range(1, ATTEMPTS + 1):
        outcome = await _attempt(world, turn.size)
        outcome.measure("attempts", attempt)
        if not outcome.breaches:
            break
    return outcome


async def _attempt(world: World, size: int) -> Outcome:
    outcome = Outcome(2 * size)
    with world.connect() as connection:
        tokens = [master.token for master in market.masters(connection, size, ttl_ms=1000)]
    before = await _healthy(world)
    memory = world.gateway.memory_kb()
    with ExitStack() as sockets:
        readers, writers = [Slow() for _ in range(size)], [Slow() for _ in range(size)]
        for one in (*readers, *writers):
            sockets.enter_context(one.socket)
        being_slow = _begin(world.gateway.port, readers, writers, tokens)
        meanwhile, peak = await _watch(world, [*readers, *writers])
        for task in being_slow:
            task.cancel()
        await asyncio.gather(*being_slow, return_exceptions=True)
    after = await _healthy(world)
    for kind, ones in (("readers", readers), ("writers", writers)):
        times = [one.ended_at - one.hung_at for one in ones if one.ended_at is not None and one.hung_at is not None]
        outcome.expect(len(times) == size, f"{size - len(times)} {kind} were not evicted")
        outcome.measure(f"{kind} evicted s", max(times, default=0.0), EVICTED_S)
    outcome.measure("memory MB", (peak - memory) / 1024, MEMORY_MB + PER_READER_MB * size)
    outcome.measure("healthy p99 ms", meanwhile)
    outcome.measure("baseline p99 ms", max(before, after))
    outcome.measure("healthy p99 to baseline", meanwhile / max(before, after, FLOOR_MS), RATIO)
    return outcome


async def _watch(world: World, clients: list[Slow]) -> tuple[float, int]:
    """Until none is left. The p99 of the load's acks since all of them hung, and the most memory, KiB."""
    peak, marks, waiting = 0, _marks(world), clients
    give_up = asyncio.get_running_loop().time() + GIVE_UP_S
    while waiting and (now := asyncio.get_running_loop().time()) < give_up:
        held = _held(world.gateway.port)
        for one in waiting:
            one.look(held, now)
        if any(one.hung_at in {None, now} for one in waiting):
            marks = _marks(world)
        waiting = [one for one in waiting if one.ended_at is None]
        peak = max(peak, world.gateway.memory_kb())
        await asyncio.sleep(LOOK_S)
    return _p99(world, marks), peak


def _begin(port: int, readers: list[Slow], writers: list[Slow], tokens: list[str]) -> list[asyncio.Task[None]]:
    """The tasks in which they connect, a few at a time, and are slow."""
    slots = asyncio.Semaphore(AT_ONCE)
    question = encode(pb.Publish(stream_id=2**40, signals=[pb.SignedSignal()]), 7)
    # The header of a frame as long as one may be before Welcome, and a byte of it now and then.
    beginning = b"\x0a\x80\x80\x03"

    async def read_nothing(one: Slow, token: str) -> None:
        async with slots:
            await one.connect(port)
            await one.hello(token)
        await one.send(question * QUESTIONS)

    async def write_slowly(one: Slow) -> None:
        async with slots:
            await one.connect(port)
        await one.send(beginning)
        while True:
            await one.send(b"\x08")
            await asyncio.sleep(1)

    being_slow = [read_nothing(one, token) for one, token in zip(readers, tokens, strict=True)]
    being_slow += [write_slowly(one) for one in writers]
    return [asyncio.create_task(work) for work in being_slow]


def _held(port: int) -> dict[int, int]:
    """Of the connections to `port` that the gateway has open: the client's port, and the bytes that wait for it.
    What was closed, or not yet accepted, belongs to no inode."""
    rows = [line.split() for line in CONNECTIONS.read_text().splitlines()[1:]]
    here = f":{port:04X}"
    return {
        int(row[2].rpartition(":")[2], 16): int(row[4].partition(":")[0], 16)
        for row in rows
        if row[1].endswith(here) and row[9] != "0"
    }


async def _healthy(world: World) -> float:
    """The p99 of the load's acks in a window of its own, ms."""
    marks = _marks(world)
    await asyncio.sleep(WINDOW_S)
    return _p99(world, marks)


def _marks(world: World) -> list[int]:
    return [len(master.latencies_ms) for master in world.load.masters]


def _p99(world: World, marks: list[int]) -> float:
    """Since the marks."""
    pairs = zip(world.load.masters, marks, strict=True)
    return percentile([latency for master, mark in pairs for latency in master.latencies_ms[mark:]], 0.99)
