"""Publish: signals to the columns of signals.ingest, its rows to an Ack."""

import json
import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from google.protobuf.message import DecodeError
from structlog.typing import FilteringBoundLogger

from gateway import ecp_pb2 as pb
from gateway import meters
from gateway.calls import Position, microseconds
from gateway.errors import Texts
from gateway.fanout import Fanout
from gateway.wire import encode

# Postgres has no unsigned integers and no NUL in text: what does not fit goes as null, and is refused as malformed.
BIGINT_MAX = 2**63 - 1
_FAR_FUTURE_US = 2**62  # the last that is surely a timestamptz

ACTIONS: dict[int, str | None] = {number: name for name, number in pb.Action.items() if number}
SIDES: dict[int, str | None] = {number: name for name, number in pb.Side.items() if number}
ORDER_TYPES: dict[int, str] = {number: name for name, number in pb.OrderType.items()}
VERDICTS: dict[str, Any] = dict(pb.Verdict.items())

# epoch, seq, action, symbol, side, position, volume, price, stop loss, take profit, magic, order type, book, sent,
# and what comes behind payload and tag: balance, equity
_Fields = tuple[Any, ...]
_UNREADABLE: _Fields = (None,) * 16


class Stream:
    """A stream as one connection publishes it. What was sent behind signals that were not decided would run into a gap
    that is none of the master's, and be held against it: it is not decided either, until they are sent again."""

    __slots__ = ("_undecided", "_waiting", "lane")

    def __init__(self, lane: int) -> None:
        self.lane = lane
        self._undecided: int | None = None
        """The seq that it must go on with; None while nothing is missing."""
        self._waiting: set[Publication] = set()

    def admit(self, publication: "Publication") -> bool:
        """Whether it may go to the database; then it waits here until it is decided."""
        if self._undecided is not None and publication.is_behind(self._undecided):
            return False
        self._undecided = None
        self._waiting.add(publication)
        return True

    def decided(self, publication: "Publication") -> None:
        self._waiting.discard(publication)

    def undecided(self, publication: "Publication", seq: int | None) -> None:
        """It begins with `seq`, and must be sent again before what is behind it. What was swept along is behind what
        may have been sent again by now, and says nothing new."""
        self._waiting.discard(publication)
        if seq is not None and publication.may_go and (self._undecided is None or seq < self._undecided):
            self._undecided = seq
            for waiting in self._waiting:
                waiting.may_go = waiting.may_go and not waiting.is_behind(seq)


class Answered(Protocol):
    """Where an answer goes; `count` is as many as were admitted."""

    log: FilteringBoundLogger

    def settle(self, answer: bytes, count: int) -> None: ...


def read(stream_id: int, signed: Iterable[pb.SignedSignal]) -> list[pb.Signal | None]:
    """The signals of a frame, None for one that cannot be read."""
    return [_read(stream_id, one.signal) for one in signed]


def _read(stream_id: int, payload: bytes) -> pb.Signal | None:
    try:
        signal = pb.Signal.FromString(payload)
    except DecodeError:
        return None
    return signal if signal.stream_id == stream_id else None  # signed for another stream than the frame says


def positions(signals: Iterable[pb.Signal | None]) -> int:
    """How many there are in their books: known before anything is made of them, since nobody has signed yet."""
    return sum(len(signal.book) for signal in signals if signal is not None and signal.action == pb.SNAPSHOT)


def are_all(signals: Iterable[pb.Signal | None], actions: frozenset[int]) -> bool:
    """Whether each of them is one of `actions`; what cannot be read is the database's to judge."""
    return all(signal is not None and signal.action in actions for signal in signals)


def columns(
    session: uuid.UUID,
    stream_id: int,
    signed: Sequence[pb.SignedSignal],
    signals: Iterable[pb.Signal | None],
    received_us: int,
) -> list[list[Any]]:
    """All arguments of signals.ingest but the lane; `signals` are `signed` as they were read, `received_us` is by the
    plane's clock."""
    rows = [_UNREADABLE if signal is None else _fields(signal) for signal in signals]
    *fields, balances, equities = [list(column) for column in zip(*rows, strict=True)]
    payloads, tags = [one.signal for one in signed], [one.tag for one in signed]
    count = len(rows)
    return [
        [session] * count, [stream_id] * count, *fields, payloads, tags, balances, equities, [received_us] * count,
    ]  # fmt: skip


def _fields(signal: pb.Signal) -> _Fields:
    action = signal.action
    return (
        signal.epoch,
        bigint(signal.seq),
        ACTIONS.get(action),
        text(signal.symbol),
        SIDES.get(signal.side),
        bigint(signal.position_id),
        signal.volume_e8,
        signal.price_e8,
        signal.stop_loss_e8,
        signal.take_profit_e8,
        signal.magic,
        order_type(signal.order_type),
        _book(signal.book) if action == pb.SNAPSHOT else None,
        signal.sent_at_us,
        signal.balance_e8,
        signal.equity_e8,
    )


def text(value: str) -> str | None:
    return value if "\0" not in value else None


def bigint(value: int) -> int | None:
    return value if value <= BIGINT_MAX else None


def order_type(number: int) -> str:
    """A null would be taken for none, which is a market order: so what is not known is no null."""
    return ORDER_TYPES.get(number, "")


def _book(positions: Iterable[pb.Position]) -> str | None:
    """None, which is malformed, as soon as one position lacks what makes it one."""
    book = []
    for position in positions:
        symbol, side = text(position.symbol), SIDES.get(position.side)
        if not (0 < position.position_id <= BIGINT_MAX and symbol and side and position.volume_e8 > 0):
            return None
        if position.order_type not in ORDER_TYPES or not 0 <= position.opened_at_us < _FAR_FUTURE_US:
            return None
        row: dict[str, Any] = {
            "position_id": position.position_id,
            "symbol": symbol,
            "side": side,
            "volume_e8": position.volume_e8,
            "price_e8": position.price_e8,
            "stop_loss_e8": position.stop_loss_e8,
            "take_profit_e8": position.take_profit_e8,
        }
        if position.order_type:
            row["order_type"] = ORDER_TYPES[position.order_type]
        if position.magic:
            row["magic"] = position.magic
        if position.opened_at_us:
            row["opened_at_us"] = position.opened_at_us
        book.append(row)
    return json.dumps(book)


class Publication:
    """One Publish frame on its way through the database."""

    __slots__ = ("_client", "_fanout", "_frame_id", "_seqs", "_size", "_stream", "_stream_id", "_texts", "may_go")

    def __init__(
        self,
        client: Answered,
        fanout: Fanout,
        texts: Texts,
        *,
        frame_id: int,
        stream: Stream,
        stream_id: int,
        seqs: list[int | None],
        size: int,
    ) -> None:
        """`size` is what it was admitted as."""
        self._client = client
        self._fanout = fanout
        self._texts = texts
        self._frame_id = frame_id
        self._stream = stream
        self._stream_id = stream_id
        self._seqs = seqs
        self._size = size
        self.may_go = True

    def is_behind(self, seq: int) -> bool:
        first = self._seqs[0]
        return first is None or first > seq

    def done(self, rows: Sequence[Any]) -> None:
        self._stream.decided(self)
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
        self._client.settle(encode(ack, self._frame_id), self._size)
        if any(codes):
            self._tell("signals refused", codes)
        for row, seq in zip(reversed(rows), reversed(self._seqs), strict=True):
            if row[1] == "ACCEPTED" and seq is not None:
                self._fanout.accepted(Position(self._stream_id, row[5], seq))
                break

    def refused(self, code: str) -> None:
        """Nothing is known to be decided, so nothing is said but that."""
        self._stream.undecided(self, self._seqs[0])
        count = len(self._seqs)
        self._tell("signals undecided", [code])
        meters.SIGNALS["UNDECIDED"] += count
        undecided = [pb.UNDECIDED] * count
        ack = pb.Ack(
            stream_id=self._stream_id,
            seqs=[seq or 0 for seq in self._seqs],
            verdicts=undecided,
            originals=undecided,
            refusals=self._texts.refusals([code] * count),
        )
        self._client.settle(encode(ack, self._frame_id), self._size)

    def _tell(self, what: str, codes: list[str | None]) -> None:
        """The log, of the first in a frame: whoever floods us is not helped to flood that too."""
        first = next(index for index, code in enumerate(codes) if code)
        self._client.log.debug(
            what, stream=self._stream_id, seq=self._seqs[first], code=codes[first], signals=len(self._seqs)
        )
