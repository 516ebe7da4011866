"""N1: connections that no client would make. Each must end, and leave nothing behind in the gateway."""

import asyncio
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

from gateway import ecp_pb2 as pb
from gateway.client import now_us
from gateway.wire import Splitter, encode
from ops.bench import market
from ops.torture.fault import Outcome, Turn
from ops.torture.load import until
from ops.torture.world import World

AT_ONCE = 25
LICENSES = 8
HEARTBEATS = 50
ENDED_S = 12.0
"""Half-open ones are cut off after five seconds of silence, looked for every second, and a last one of lingering."""
LEFT_S = 30.0
CAP = 1 << 20
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends RST."""


@dataclass
class Visitor:
    """Who may say hello: one license, used by one connection at a time."""

    port: int
    token: str
    instance: bytes
    free: asyncio.Lock

    def hello(self) -> bytes:
        return encode(pb.Hello(protocol=1, token=self.token, instance=self.instance, client="torture"), 1)


async def connections(world: World, dice: Random, turn: Turn) -> Outcome:
    """`turn.size` of them, of every kind in turn, beside the load."""
    outcome = Outcome(turn.size)
    visitors = _visitors(world)
    await _say_hello_once(visitors)
    await world.load.moved(1, LEFT_S)
    tasks, descriptors = await world.gateway.tasks(), world.gateway.descriptors()
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        kind = KINDS[number % len(KINDS)]
        async with slots:
            try:
                async with asyncio.timeout(ENDED_S):
                    await kind(visitors[number % LICENSES], dice)
            except (AssertionError, TimeoutError) as error:
                outcome.expect(False, f"{kind.__name__}: {str(error) or 'not ended'}")

    await asyncio.gather(*map(one, range(turn.size)))
    outcome.said += await world.settle()
    try:
        await until(lambda: world.gateway.descriptors() <= descriptors, LEFT_S)
    except TimeoutError:
        outcome.expect(False, f"descriptors: {descriptors} before, {world.gateway.descriptors()} after")
    left = await world.gateway.tasks() - tasks
    outcome.measure("tasks left", max(left, 0), 0)
    outcome.measure("descriptors left", max(world.gateway.descriptors() - descriptors, 0), 0)
    return outcome


async def half_open(visitor: Visitor, dice: Random) -> None:
    """Begins a frame, and says no more; the gateway must end it."""
    hello = visitor.hello()
    reader, writer = await asyncio.open_connection("127.0.0.1", visitor.port)
    try:
        writer.write(hello[: dice.randrange(len(hello))])
        said = await reader.read()
        assert _codes(said) == ["TRP07"], f"was told {_codes(said)}"
    finally:
        writer.transport.abort()


async def reset(visitor: Visitor, dice: Random) -> None:
    """RST in the middle of a session, or before there is one."""
    async with visitor.free:
        reader, writer = await asyncio.open_connection("127.0.0.1", visitor.port)
        writer.write(visitor.hello())
        if dice.random() < 0.5:
            await _frames(reader, 1)
        plain = writer.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.transport.abort()


async def fragments(visitor: Visitor, _dice: Random) -> None:
    """A whole session in pieces of one byte, each a segment of its own."""
    session = visitor.hello() + _heartbeat(2) + encode(pb.Logout(), 3)

    def drip(plain: socket.socket) -> None:
        for byte in session:
            plain.send(bytes([byte]))

    async with visitor.free:
        plain = socket.create_connection(("127.0.0.1", visitor.port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Not by turns of the loop: it has the load to carry too, and the gateway waits for a frame so long and no more.
        await asyncio.to_thread(drip, plain)
        reader, writer = await asyncio.open_connection(sock=plain)
        try:
            assert await _bodies(reader) == ["welcome", "heartbeat_ack", "goodbye"]
        finally:
            writer.close()


async def coalesced(visitor: Visitor, _dice: Random) -> None:
    """A whole session in one piece."""
    async with visitor.free:
        reader, writer = await asyncio.open_connection("127.0.0.1", visitor.port)
        try:
            beats = b"".join(_heartbeat(2 + number) for number in range(HEARTBEATS))
            writer.write(visitor.hello() + beats + encode(pb.Logout(), 2 + HEARTBEATS))
            assert await _bodies(reader) == ["welcome", *["heartbeat_ack"] * HEARTBEATS, "goodbye"]
        finally:
            writer.close()


async def cut(visitor: Visitor, dice: Random) -> None:
    """Closes in the middle of a frame; what came before is answered."""
    async with visitor.free:
        reader, writer = await asyncio.open_connection("127.0.0.1", visitor.port)
        try:
            beat = _heartbeat(2)
            writer.write(visitor.hello() + beat + beat[: dice.randrange(1, len(beat))])
            writer.write_eof()
            assert (await _bodies(reader))[:2] == ["welcome", "heartbeat_ack"]
        finally:
            writer.close()


KINDS: list[Callable[[Visitor, Random], Awaitable[None]]] = [half_open, reset, fragments, coalesced, cut]


def _visitors(world: World) -> list[Visitor]:
    with world.connect() as connection:
        masters = market.masters(connection, LICENSES, ttl_ms=1000)
    return [Visitor(world.gateway.port, master.token, os.urandom(16), asyncio.Lock()) for master in masters]


async def _say_hello_once(visitors: list[Visitor]) -> None:
    """So that what the first of anything needs is there before it is counted."""
    for visitor in visitors:
        await coalesced(visitor, Random(0))


def _heartbeat(frame_id: int) -> bytes:
    return encode(pb.Heartbeat(client_time_us=now_us()), frame_id)


async def _frames(reader: asyncio.StreamReader, count: int | None = None) -> list[pb.Frame]:
    """So many, or all until the gateway closes."""
    splitter = Splitter(CAP)
    frames: list[pb.Frame] = []
    while count is None or len(frames) < count:
        data = await reader.read(65_536)
        if not data:
            break
        frames += splitter.feed(data)[0]
    return frames


async def _bodies(reader: asyncio.StreamReader) -> list[str | None]:
    return [frame.WhichOneof("body") for frame in await _frames(reader)]


def _codes(data: bytes) -> list[str]:
    return [frame.error.code for frame in Splitter(CAP).feed(data)[0]]
