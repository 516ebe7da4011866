"""The peer's front: the same frames over TCP, each signal an entry of a Redis stream, acked when Redis has answered.
Run as `python -m ops.bench.peers.xadd SOCKET KEY`; prints its port. It checks nothing."""

import asyncio
import sys
from functools import partial
from typing import Any, cast

import uvloop

from gateway import ecp_pb2 as pb
from gateway.wire import Splitter, encode
from ops.bench.peers.resp import Redis

CAP = 524_288
_ACKS: dict[int, bytes] = {}


class Front(asyncio.Protocol):
    """One client. Its frames are acked in order, since Redis answers in order."""

    def __init__(self, redis: Redis, key: str) -> None:
        self._redis = redis
        self._key = key
        self._splitter = Splitter(CAP)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        frames, fault = self._splitter.feed(data)
        for frame in frames:
            signals = frame.publish.signals
            for number, signed in enumerate(signals, 1):
                answered = partial(self._ack, number) if number == len(signals) else _nothing
                self._redis.send(("XADD", self._key, "*", "s", signed.SerializeToString()), answered)
        if fault:
            self._transport.abort()

    def _ack(self, count: int, _: Any) -> None:
        self._transport.write(_acked(count))


def _nothing(_: Any) -> None:
    pass


def _acked(count: int) -> bytes:
    if count not in _ACKS:
        _ACKS[count] = encode(pb.Ack(verdicts=[pb.ACCEPTED] * count))
    return _ACKS[count]


async def main(socket: str, key: str) -> None:
    redis = await Redis.connect(socket)
    server = await asyncio.get_running_loop().create_server(lambda: Front(redis, key), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
