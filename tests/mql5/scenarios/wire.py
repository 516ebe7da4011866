"""The wire between an expert and its gateway: it can be held in either direction, cut, tampered with, and read."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Literal, Self

from gateway import ecp_pb2 as pb

Direction = Literal["up", "down"]
Change = Callable[[bytes], bytes]


class Wire:
    """Forwards `port` of this machine to a gateway. Up is to the plane; `taken` is all that came up, by connection."""

    def __init__(self, onward: int) -> None:
        self.onward = onward
        self.taken: list[bytearray] = []
        self._flows: dict[Direction, asyncio.Event] = {"up": asyncio.Event(), "down": asyncio.Event()}
        self._changes: dict[Direction, tuple[Change, asyncio.Event]] = {}
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        for flow in self._flows.values():
            flow.set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def hold(self, direction: Direction) -> None:
        """Nothing passes in this direction any more; the connection stands."""
        self._flows[direction].clear()

    def release(self, direction: Direction) -> None:
        self._flows[direction].set()

    def cut(self) -> None:
        """Every connection breaks; new ones may come."""
        for writer in list(self._writers):
            writer.transport.abort()

    def tamper(self, direction: Direction, change: Change) -> asyncio.Event:
        """Change once what passes next in this direction and is another afterwards; set when that has happened."""
        changed = asyncio.Event()
        self._changes[direction] = (change, changed)
        return changed

    def signals(self) -> list[list[tuple[bytes, bytes]]]:
        """(signal, tag) of everything published on each connection."""
        return [
            [
                (one.signal, one.tag)
                for frame in pb.Wire.FromString(bytes(taken)).frames
                for one in frame.publish.signals
            ]
            for taken in self.taken
        ]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            back, onward = await asyncio.open_connection("127.0.0.1", self.onward)
        except OSError:
            writer.transport.abort()
            return
        taken = bytearray()
        self.taken.append(taken)
        self._run(self._take("up", reader, onward, taken))
        self._run(self._take("down", back, writer, bytearray()))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take(
        self, direction: Direction, source: asyncio.StreamReader, sink: asyncio.StreamWriter, taken: bytearray
    ) -> None:
        """Read without an end, so that the sender never waits, whether it passes or not."""
        passing: asyncio.Queue[bytes] = asyncio.Queue()
        self._run(self._pass(direction, passing, sink))
        with suppress(ConnectionError):
            while data := await source.read(65_536):
                taken += data
                passing.put_nowait(data)
        passing.put_nowait(b"")

    async def _pass(self, direction: Direction, passing: asyncio.Queue[bytes], sink: asyncio.StreamWriter) -> None:
        self._writers.add(sink)
        try:
            while data := await passing.get():
                await self._flows[direction].wait()
                if sink.is_closing():
                    break
                sink.write(self._changed(direction, data))
        finally:
            sink.close()
            self._writers.discard(sink)

    def _changed(self, direction: Direction, data: bytes) -> bytes:
        if direction not in self._changes:
            return data
        change, done = self._changes[direction]
        if (changed := change(data)) != data:
            del self._changes[direction]
            done.set()
        return changed
