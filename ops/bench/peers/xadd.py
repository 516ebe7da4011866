"""The peer's front: the same frames over TCP, each signal an entry of a Redis stream, acked when Redis has answered.
Run as `python -m ops.bench.peers.xadd SOCKET KEY CHECKS`; prints its port. CHECKS is `none`, or `all` for what such a
front can check without a database: the signature, and the sequence as it remembers it."""

import asyncio
import hmac
import sys
from functools import cache, partial
from typing import Any, cast

import uvloop

from gateway import ecp_pb2 as pb
from gateway.wire import Splitter, encode
from ops.bench.market import KEY
from ops.bench.peers.resp import Redis

CAP = 524_288


class Front(asyncio.Protocol):
    """One client. Its frames are acked in order, since Redis answers in order."""

    def __init__(self, redis: Redis, key: str, *, checks: bool) -> None:
        self._redis = redis
        self._key = key
        self._checks = checks
        self._last: dict[int, int] = {}
        self._splitter = Splitter(CAP)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        frames, fault = self._splitter.feed(data)
        for frame in frames:
            verdicts = []
            for signed in frame.publish.signals:
                verdict = self._verdict(signed) if self._checks else pb.ACCEPTED
                verdicts.append(verdict)
                if verdict == pb.ACCEPTED:
                    self._redis.send(("XADD", self._key, "*", "s", signed.SerializeToString()), _nothing)
            # Answered behind what it answers.
            self._redis.after(partial(self._ack, tuple(verdicts)))
        if fault:
            self._transport.abort()

    def _verdict(self, signed: pb.SignedSignal) -> pb.Verdict:
        if not hmac.compare_digest(hmac.digest(KEY, signed.signal, "sha256"), signed.tag):
            return pb.BAD_SIGNATURE
        signal = pb.Signal.FromString(signed.signal)
        if signal.seq != self._last.get(signal.stream_id, 0) + 1:
            return pb.GAP
        self._last[signal.stream_id] = signal.seq
        return pb.ACCEPTED

    def _ack(self, verdicts: tuple[pb.Verdict, ...]) -> None:
        self._transport.write(_acked(verdicts))


def _nothing(_: Any) -> None:
    pass


@cache
def _acked(verdicts: tuple[pb.Verdict, ...]) -> bytes:
    return encode(pb.Ack(verdicts=verdicts))


async def main(socket: str, key: str, checks: str) -> None:
    redis = await Redis.connect(socket)
    server = await asyncio.get_running_loop().create_server(
        lambda: Front(redis, key, checks=checks == "all"), "127.0.0.1", 0
    )
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
