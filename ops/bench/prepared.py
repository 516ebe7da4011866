"""Masters whose signals were signed beforehand: what is left to do while it is measured is to join bytes, and to find
the ends of the answers. So one generator can drive the plane and its peers, and is not what limits them."""

import asyncio
import gc
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

from gateway import ecp_pb2 as pb
from gateway.client import Client, now_us, sign
from gateway.wire import varint
from ops.bench import load
from ops.bench.load import Source
from ops.bench.market import KEY, SYMBOL, Master

_PUBLISH = varint(pb.Frame.PUBLISH_FIELD_NUMBER << 3 | 2)
_LEAD = b"\x0a"

PATIENCE_S = 60.0
"""For the last answers."""
FRAME = 8
"""Signals in a frame of `saturate`."""
DEPTH = 32
"""Frames that each connection keeps on the way in `saturate`: batches of the database can grow to their limit."""


def signals(stream_id: int, count: int) -> list[pb.SignedSignal]:
    """Seqs 1 to `count` of a stream, signed now: positions that are opened and closed again."""
    now = now_us()
    return [
        sign(
            KEY,
            pb.Signal(
                stream_id=stream_id,
                epoch=1,
                seq=seq,
                symbol=SYMBOL,
                side=pb.BUY,
                volume_e8=10_000_000,
                action=pb.OPEN if seq % 2 else pb.CLOSE,
                position_id=(seq + 1) // 2,
                price_e8=107_219_000,
                sent_at_us=now,
            ),
        )
        for seq in range(1, count + 1)
    ]


class Sender(asyncio.Protocol):
    """One connection that publishes prepared signals, and is answered a frame for each frame, in order."""

    def __init__(self, stream_id: int, signed: Sequence[pb.SignedSignal]) -> None:
        self.stream_id = stream_id
        self.sent = 0
        self.received = 0
        """Signals in the frames that were answered."""
        self.due: list[float] = []
        """When each signal that was sent was due, by `time.monotonic`."""
        self.transport: asyncio.Transport
        self._head = pb.Publish(stream_id=stream_id).SerializeToString()
        # Protobuf concatenates: a Publish is its stream followed by its signals.
        self._parts = [pb.Publish(signals=[one]).SerializeToString() for one in signed]
        self._signed = signed
        self._waiting: deque[tuple[int, asyncio.Future[bytes]]] = deque()
        self._rest = b""

    async def dial(self, port: int) -> None:
        """Connect to a server that takes frames as they come."""
        await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", port)

    async def log_in(self, port: int, master: Master) -> None:
        """Connect as a master of the plane. Its first signal goes ahead, resent as a master would for as long as the
        plane cannot say: the first of all calls makes plans."""
        client = await Client.connect("127.0.0.1", port, master.token, heartbeat=False)
        await client.open_stream(master.stream)
        first = self._signed[:1]
        while (await client.publish(self.stream_id, first)).verdicts == [pb.UNDECIDED]:
            pass
        self.sent = self.received = 1
        self.due.append(time.monotonic())
        self.transport = client.transport
        self.transport.set_protocol(self)

    def send(self, times: Sequence[float]) -> "asyncio.Future[bytes]":
        self.due.extend(times)
        first, self.sent = self.sent, self.sent + len(times)
        assert self.sent <= len(self._parts), "more is sent than was prepared"
        body = self._head + b"".join(self._parts[first : self.sent])
        publish = _PUBLISH + varint(len(body))
        self.transport.write(_LEAD + varint(len(publish) + len(body)) + publish + body)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.append((len(times), answer))
        return answer

    def verdicts(self, answer: bytes) -> list[str]:
        """`answer`: the frame as it came. An echoed frame has none of its own."""
        frame = pb.Frame.FromString(answer)
        match frame.WhichOneof("body"):
            case "ack":
                return [pb.Verdict.Name(verdict) for verdict in frame.ack.verdicts]
            case "publish":
                return ["ECHOED"] * len(frame.publish.signals)
        return [frame.error.code or "UNKNOWN"]

    def close(self) -> None:
        self.transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        run = self._rest + data if self._rest else data
        position, size = 0, len(run)
        while position + 1 < size:
            cursor, length, shift = position + 1, 0, 0
            while cursor < size:
                byte = run[cursor]
                cursor += 1
                length |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80:
                    break
            else:
                break
            if cursor + length > size:
                break
            position = cursor + length
            count, answer = self._waiting.popleft()
            self.received += count
            if not answer.done():
                answer.set_result(run[cursor:position])
        self._rest = run[position:]

    def connection_lost(self, exc: Exception | None) -> None:
        for _, answer in self._waiting:
            if not answer.done():
                answer.set_exception(exc or ConnectionResetError("the server closed the connection"))
                answer.exception()  # said once, by the tally


@dataclass
class Saturation:
    """What came back when answers alone set the pace."""

    answered: int = 0
    began: float = 0.0
    ended: float = 0.0
    """By `time.monotonic`."""
    verdicts: dict[str, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answered / (self.ended - self.began) if self.answered else 0.0


async def saturate(sources: Sequence[Source], total: int, *, frame: int = FRAME, depth: int = DEPTH) -> Saturation:
    """Each source keeps `depth` frames on the way, until `total` signals are answered over all of them: the most that
    comes through. A source that loses its connection ends with what it has."""
    found = Saturation()
    each = [total // len(sources) + (number < total % len(sources)) for number in range(len(sources))]
    load.hold_gc()
    found.began = time.monotonic()
    await asyncio.gather(*(_keep_full(source, each[n], frame, depth, found) for n, source in enumerate(sources)))
    gc.enable()
    return found


async def _keep_full(source: Source, total: int, frame: int, depth: int, found: Saturation) -> None:
    ended = asyncio.get_running_loop().create_future()
    left, on_the_way = total, 0

    def send() -> None:
        nonlocal left, on_the_way
        count = min(frame, left)
        left -= count
        on_the_way += count
        source.send([time.monotonic()] * count).add_done_callback(partial(answered, count))

    def answered(count: int, answer: "asyncio.Future[Any]") -> None:
        nonlocal left, on_the_way
        on_the_way -= count
        if answer.exception():
            left = 0
            found.verdicts["UNANSWERED"] = found.verdicts.get("UNANSWERED", 0) + count
        else:
            found.answered += count
            found.ended = time.monotonic()
            for name in source.verdicts(answer.result()):
                found.verdicts[name] = found.verdicts.get(name, 0) + 1
        if left:
            send()
        elif not on_the_way and not ended.done():
            ended.set_result(None)

    while left and on_the_way < frame * depth:
        send()
    await asyncio.wait([ended], timeout=PATIENCE_S)
