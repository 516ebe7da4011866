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
from ops.torture.load import until
from ops.torture.world import World

WINDOW_S = 4.0
AT_ONCE = 10
EVICTED_S = 10.0
GIVE_UP_S = 60.0
RATIO = 2.0
FLOOR_MS = 20.0
"""A healthy p99 below this counts as this: twice nothing is nothing."""
MEMORY_MB = 64.0
PER_READER_MB = 4.0
QUESTIONS = 16_000
"""Frames of a slow reader: each is refused at length, and all answers are more than any socket holds."""
LOOK_S = 0.1
CONNECTIONS = Path("/proc/net/tcp")


class Slow:
    """A plain socket; when the gateway let go of its other end, the kernel says: to who does not read, no FIN comes."""

    def __init__(self) -> None:
        self.socket = socket.socket()
        self.port = 0
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.hung_at = 0.0
        self.ended_at: float | None = None

    async def connect(self, port: int, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self.socket, ("127.0.0.1", port))
        self.port = self.socket.getsockname()[1]
        await loop.sock_sendall(self.socket, data)
        self.hung_at = loop.time()

    async def hello(self, token: str) -> None:
        """Say it, and read the answer: the last that is read."""
        loop = asyncio.get_running_loop()
        hello = pb.Hello(protocol=1, token=token, instance=os.urandom(16), client="torture")
        await loop.sock_sendall(self.socket, encode(hello, 1))
        await loop.sock_recv(self.socket, 4096)


async def slow(world: World, _dice: Random, turn: Turn) -> Outcome:
    """`turn.size` slow readers, and as many slow writers, all at once."""
    outcome = Outcome(2 * turn.size)
    with world.connect() as connection:
        tokens = [master.token for master in market.masters(connection, turn.size, ttl_ms=1000)]
    before = await _healthy(world)
    memory = peak = world.gateway.memory_kb()
    with ExitStack() as sockets:
        readers, writers = ([Slow() for _ in range(turn.size)] for _ in range(2))
        for one in (*readers, *writers):
            sockets.enter_context(one.socket)
        trickles = await _begin(world.gateway.port, readers, writers, tokens)
        marks = _marks(world)
        waiting = [*readers, *writers]
        give_up = asyncio.get_running_loop().time() + GIVE_UP_S
        while waiting and (now := asyncio.get_running_loop().time()) < give_up:
            held = _held(world.gateway.port)
            for one in waiting:
                one.ended_at = None if one.port in held else now
            waiting = [one for one in waiting if one.ended_at is None]
            peak = max(peak, world.gateway.memory_kb())
            await asyncio.sleep(LOOK_S)
        outcome.expect(not waiting, f"{len(waiting)} were not evicted")
        meanwhile = _p99(world, marks)
        for trickle in trickles:
            trickle.cancel()
        await asyncio.gather(*trickles, return_exceptions=True)
        for kind, ones in (("readers", readers), ("writers", writers)):
            times = [one.ended_at - one.hung_at for one in ones if one.ended_at is not None]
            outcome.measure(f"{kind} evicted s", max(times, default=0.0), EVICTED_S)
    after = await _healthy(world)
    baseline = max(before, after, FLOOR_MS)
    outcome.measure("memory MB", (peak - memory) / 1024, MEMORY_MB + PER_READER_MB * turn.size)
    outcome.measure("healthy p99 ms", meanwhile)
    outcome.measure("baseline p99 ms", max(before, after))
    outcome.measure("healthy p99 to baseline", meanwhile / baseline, RATIO)
    return outcome


async def _begin(port: int, readers: list[Slow], writers: list[Slow], tokens: list[str]) -> list[asyncio.Task[None]]:
    """All of them connected, a few at a time; the tasks in which they are slow."""
    slots = asyncio.Semaphore(AT_ONCE)
    question = encode(pb.Publish(stream_id=2**40, signals=[pb.SignedSignal()]), 7)
    # The header of a frame as long as one may be before Welcome, and a byte of it now and then.
    beginning = b"\x0a\x80\x80\x03"

    async def read_not(one: Slow, token: str) -> None:
        async with slots:
            await one.connect(port, b"")
            await one.hello(token)
        one.hung_at = asyncio.get_running_loop().time()
        await asyncio.get_running_loop().sock_sendall(one.socket, question * QUESTIONS)

    async def write_slowly(one: Slow) -> None:
        async with slots:
            await one.connect(port, beginning)
        while one.ended_at is None:
            await asyncio.get_running_loop().sock_sendall(one.socket, b"\x08")
            await asyncio.sleep(1)

    tasks = [asyncio.create_task(read_not(one, token)) for one, token in zip(readers, tokens, strict=True)]
    tasks += [asyncio.create_task(write_slowly(one)) for one in writers]
    await until(lambda: all(one.hung_at for one in (*readers, *writers)), GIVE_UP_S)
    return tasks


def _held(port: int) -> set[int]:
    """Ports of clients whose connection to `port` the gateway still has open: what was closed belongs to no inode."""
    rows = [line.split() for line in CONNECTIONS.read_text().splitlines()[1:]]
    here = f":{port:04X}"
    return {int(row[2].rpartition(":")[2], 16) for row in rows if row[1].endswith(here) and row[9] != "0"}


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
