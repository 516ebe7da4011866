"""A connection to Redis: commands leave together at the end of a turn of the loop, replies come back in order. hiredis
does the rest, without the layers of a general client: a peer must not lose for its driver."""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import hiredis

Command = tuple[str | bytes | int, ...]


class Redis(asyncio.Protocol):
    """`connect`, then `send` or `call`. A reply that is an error ends the process: nothing here expects one."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader()
        self._out: list[bytes] = []
        self._answered: deque[Callable[[Any], None]] = deque()

    @classmethod
    async def connect(cls, socket: str) -> "Redis":
        _, redis = await asyncio.get_running_loop().create_unix_connection(cls, socket)
        return redis

    def send(self, command: Command, answered: Callable[[Any], None]) -> None:
        if not self._out:
            asyncio.get_running_loop().call_soon(self._flush)
        self._out.append(hiredis.pack_command(command))  # type: ignore[arg-type]  # any number of them
        self._answered.append(answered)

    def call(self, *command: str | bytes | int) -> "asyncio.Future[Any]":
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.send(command, partial(_settle, answer))
        return answer

    def after(self, done: Callable[[], None]) -> None:
        """Call it when everything that was sent is answered."""
        if not self._answered:
            done()
            return
        before = self._answered[-1]

        def both(reply: Any) -> None:
            before(reply)
            done()

        self._answered[-1] = both

    def close(self) -> None:
        self._transport.close()

    def _flush(self) -> None:
        self._transport.write(b"".join(self._out))
        self._out.clear()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            if isinstance(reply, Exception):
                raise SystemExit(f"Redis: {reply}")
            self._answered.popleft()(reply)


def _settle(answer: "asyncio.Future[Any]", reply: Any) -> None:
    if not answer.done():
        answer.set_result(reply)
