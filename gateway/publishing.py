"""Publish: signals to the columns of signals.ingest, its rows to an Ack."""

import json
import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from google.protobuf.message import DecodeError

from gateway import ecp_pb2 as pb
from gateway.calls import Position, microseconds
from gateway.errors import Texts
from gateway.fanout import Fanout
from gateway.wire import encode

# Postgres has no unsigned integers and no NUL in text: what does not fit goes as null, and is refused as malformed.
BIGINT_MAX = 2**63 - 1

ACTIONS: dict[int, str | None] = {number: name for name, number in pb.Action.items() if number}
SIDES: dict[int, str | None] = {number: name for name, number in pb.Side.items() if number}
ORDER_TYPES: dict[int, str | None] = {number: name for name, number in pb.OrderType.items()}
VERDICTS: dict[str, Any] = dict(pb.Verdict.items())

SEQ = 3
"""Index of the seqs in `columns`."""

# epoch, seq, action, symbol, side, position, volume, price, stop loss, take profit, magic, order type, book, sent
_Fields = tuple[Any, ...]
_UNREADABLE: _Fields = (None,) * 14


class Answered(Protocol):
    """Where an answer goes; `count` is how many elements it decides."""

    def settle(self, answer: bytes, count: int) -> None: ...


def columns(session: uuid.UUID, stream_id: int, signed: Iterable[pb.SignedSignal]) -> list[list[Any]]:
    """All arguments of signals.ingest but the lane."""
    payloads, tags, rows = [], [], []
    for one in signed:
        payload = one.signal
        payloads.append(payload)
        tags.append(one.tag)
        rows.append(_fields(payload, stream_id))
    fields = [list(column) for column in zip(*rows, strict=True)]
    return [[session] * len(rows), [stream_id] * len(rows), *fields, payloads, tags]


def _fields(payload: bytes, stream_id: int) -> _Fields:
    try:
        signal = pb.Signal.FromString(payload)
    except DecodeError:
        return _UNREADABLE
    if signal.stream_id != stream_id:
        return _UNREADABLE  # signed for another stream than the frame says
    seq, position, action = signal.seq, signal.position_id, signal.action
    return (
        signal.epoch,
        seq if seq <= BIGINT_MAX else None,
        ACTIONS.get(action),
        text(signal.symbol),
        SIDES.get(signal.side),
        position if position <= BIGINT_MAX else None,
        signal.volume_e8,
        signal.price_e8,
        signal.stop_loss_e8,
        signal.take_profit_e8,
        signal.magic,
        ORDER_TYPES.get(signal.order_type),
        _book(signal.book) if action == pb.SNAPSHOT else None,
        signal.sent_at_us,
    )


def text(value: str) -> str | None:
    return value if "\0" not in value else None


def _book(positions: Iterable[pb.Position]) -> str | None:
    book = []
    for position in positions:
        if position.position_id > BIGINT_MAX or "\0" in position.symbol:
            return None
        book.append(
            {
                "position_id": position.position_id,
                "symbol": position.symbol,
                "side": SIDES.get(position.side),
                "volume_e8": position.volume_e8,
                "price_e8": position.price_e8,
                "stop_loss_e8": position.stop_loss_e8,
                "take_profit_e8": position.take_profit_e8,
            }
        )
    return json.dumps(book)


class Publication:
    """One Publish frame on its way through the database."""

    __slots__ = ("_client", "_fanout", "_frame_id", "_seqs", "_stream_id", "_texts")

    def __init__(
        self, client: Answered, fanout: Fanout, texts: Texts, *, frame_id: int, stream_id: int, seqs: list[int | None]
    ) -> None:
        self._client = client
        self._fanout = fanout
        self._texts = texts
        self._frame_id = frame_id
        self._stream_id = stream_id
        self._seqs = seqs

    def done(self, rows: Sequence[Any]) -> None:
        last = rows[-1]
        codes = [row[3] for row in rows]
        ack = pb.Ack(
            stream_id=self._stream_id,
            epoch=last[5] or 0,
            next_seq=last[4] or 0,
            seqs=[seq or 0 for seq in self._seqs],
            verdicts=[VERDICTS[row[1]] for row in rows],
            originals=[VERDICTS[row[2]] for row in rows],
            refusals=self._texts.refusals(codes) if any(codes) else (),
            decided_at_us=microseconds(last[6]),
        )
        self._client.settle(encode(ack, self._frame_id), len(rows))
        for row, seq in zip(reversed(rows), reversed(self._seqs), strict=True):
            if row[1] == "ACCEPTED" and seq is not None:
                self._fanout.accepted(Position(self._stream_id, row[5], seq))
                break

    def refused(self, code: str) -> None:
        """Nothing is known to be decided, so nothing is said but that."""
        count = len(self._seqs)
        undecided = [pb.UNDECIDED] * count
        ack = pb.Ack(
            stream_id=self._stream_id,
            seqs=[seq or 0 for seq in self._seqs],
            verdicts=undecided,
            originals=undecided,
            refusals=self._texts.refusals([code] * count),
        )
        self._client.settle(encode(ack, self._frame_id), count)
