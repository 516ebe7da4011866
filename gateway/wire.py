"""Framing: bytes to frames and back, in bulk.

A connection's bytes are one endless encoding of `Wire.frames`: 0x0A, varint length, Frame. So lengths are
scanned first, against the cap and before anything is parsed, and then a whole run of frames is one parse.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from google.protobuf.internal import api_implementation
from google.protobuf.message import DecodeError, Message

from gateway import ecp_pb2 as pb

# The pure-Python backend is a hundred times slower and recurses on hostile input.
assert api_implementation.Type() == "upb", "protobuf must run on its upb backend"

LEAD = 0x0A  # field 1, length-delimited: Wire.frames
_NOTHING: Sequence[pb.Frame] = ()


def varint(value: int) -> bytes:
    """`value` ≥ 0 as a protobuf varint."""
    if value < 0x4000:
        return _LAST[value]
    return _TWO_OF_MORE[value & 0x3FFF] + varint(value >> 14)


_TWO_OF_MORE = [bytes((value & 0x7F | 0x80, value >> 7 | 0x80)) for value in range(0x4000)]
_LAST = [bytes((value,)) if value < 0x80 else bytes((value & 0x7F | 0x80, value >> 7)) for value in range(0x4000)]

_BODY_TAGS: dict[type[Message], bytes] = {
    getattr(pb, field.message_type.name): varint(field.number << 3 | 2)
    for field in pb.Frame.DESCRIPTOR.oneofs_by_name["body"].fields
    if field.message_type
}
_DELIVERIES_TAG = _BODY_TAGS[pb.Deliveries]


def encode(body: Message, frame_id: int = 0) -> bytes:
    """`body` (a message of Frame.body) as one frame on the wire."""
    return _envelope(_BODY_TAGS[type(body)], body.SerializeToString(), frame_id)


def _envelope(tag: bytes, payload: bytes, frame_id: int) -> bytes:
    head = (b"\x08" + varint(frame_id) if frame_id else b"") + tag + varint(len(payload))
    return b"\x0a" + varint(len(head) + len(payload)) + head + payload


class Splitter:
    """Cuts what arrives, however it is fragmented, into frames. Keeps at most one unfinished frame."""

    def __init__(self, cap: int) -> None:
        self.cap = cap
        """How long a frame may be, from the next `feed` on."""
        self._rest = bytearray()
        self._need = 0

    @property
    def unfinished(self) -> bool:
        """Whether a frame has begun that has not ended."""
        return bool(self._rest)

    def feed(self, data: bytes) -> tuple[Sequence[pb.Frame], str | None]:
        """The frames that `data` completes, and the code of what is wrong after them (TRP01 to TRP03)."""
        run: bytes | bytearray = data
        if self._rest:
            self._rest += data
            if len(self._rest) < self._need:
                return _NOTHING, None
            run = self._rest
        end, self._need, fault = _measure(run, self.cap)
        frames: Sequence[pb.Frame] = _NOTHING
        if end:
            frames, broken = _parse(run, end)
            fault = broken or fault
        self._rest = bytearray(run[end:]) if end < len(run) else bytearray()
        return frames, fault


def _measure(run: bytes | bytearray, cap: int) -> tuple[int, int, str | None]:
    """End of the last whole frame in `run`; how many bytes the one after it needs; what is wrong with it."""
    position, size = 0, len(run)
    while position < size:
        if run[position] != LEAD:
            return position, 0, "TRP03"
        body, length = _length(run, position + 1, size)
        if body == 0:
            return position, 0, None
        if length == 0:
            return position, 0, "TRP02"
        if length > cap:
            return position, 0, "TRP01"
        if body + length > size:
            return position, body + length - position, None
        position = body + length
    return position, 0, None


def _length(run: bytes | bytearray | memoryview, cursor: int, size: int) -> tuple[int, int]:
    """The varint at `cursor`: where it ends and its value; (0, 0) while it is incomplete."""
    length = shift = 0
    while cursor < size:
        byte = run[cursor]
        cursor += 1
        length |= (byte & 0x7F) << shift
        if byte < 0x80 or shift == 28:  # five bytes: already beyond any cap, or zeros for the sake of it
            return cursor, length if byte < 0x80 else 1 << 35
        shift += 7
    return 0, 0


def _parse(run: bytes | bytearray, end: int) -> tuple[Sequence[pb.Frame], str | None]:
    view = memoryview(run)[:end]
    try:
        return pb.Wire.FromString(view).frames, None  # type: ignore[arg-type]  # upb takes any buffer
    except DecodeError:
        return _parse_one_by_one(view)


def _parse_one_by_one(view: memoryview) -> tuple[Sequence[pb.Frame], str | None]:
    """What came before the bad frame still counts."""
    frames: list[pb.Frame] = []
    position = 0
    while position < len(view):
        body, length = _length(view, position + 1, len(view))
        position = body + length
        try:
            frames.append(pb.Frame.FromString(view[body:position]))  # type: ignore[arg-type]
        except DecodeError:
            return frames, "TRP03"
    return frames, None


# Deliveries ----------------------------------------------------------------------------------------------
# A signal goes to thousands of subscriptions, mostly the same but for who, the how-manieth, and what the copy is
# there. So the rest of a Delivery is encoded once, and put behind those fields: protobuf concatenates.

_GAP_FILL, SESSION, _HELD, _TICKET, _WORST = 6, 20, 21, 22, 23
"""Index of the session that may copy, which is nothing of the Delivery, and of what comes after it."""

_HELD_TAG = varint(pb.Delivery.HELD_VOLUME_E8_FIELD_NUMBER << 3)
_UINT64 = 2**64 - 1
_TICKET_TAG = varint(pb.Delivery.TICKET_FIELD_NUMBER << 3)

_ACTIONS: dict[str, Any] = dict(pb.Action.items())
_SIDES: dict[str, Any] = dict(pb.Side.items())
_ORDER_TYPES: dict[str, Any] = dict(pb.OrderType.items())


class DeliveryEncoder:
    """Encodes rows of signals.deliveries or signals.dispatch; lives as long as one batch of them."""

    def __init__(self) -> None:
        self._tails: dict[Any, bytes] = {}

    def encode(self, row: Sequence[Any]) -> bytes:
        """One element of Deliveries.deliveries, tag and length included."""
        key = (row[2:SESSION], row[_WORST])
        tail = self._tails.get(key)
        if tail is None:
            tail = self._tails[key] = _tail(row)
        head = b"\x08" + varint(row[0]) + b"\x10" + varint(row[1])
        held, ticket = row[_HELD], row[_TICKET]
        if (held or ticket) and not row[_GAP_FILL]:
            if held:
                head += _HELD_TAG + varint(held & _UINT64)  # reports may say that more was closed than opened
            if ticket:
                head += _TICKET_TAG + varint(ticket)
        return b"\x0a" + varint(len(head) + len(tail)) + head + tail


def _tail(row: Sequence[Any]) -> bytes:
    delivery = pb.Delivery(
        stream_id=row[2], epoch=row[3], seq=row[4], possible_duplicate=row[5], gap_fill=row[_GAP_FILL]
    )
    if delivery.gap_fill:
        return delivery.SerializeToString()  # too old to execute: a client gets nothing that it could
    details = pb.Delivery(
        action=_ACTIONS.get(row[7], 0),
        symbol=row[8],
        side=_SIDES.get(row[9], 0),
        position_id=row[10],
        volume_e8=row[11],
        price_e8=row[12],
        stop_loss_e8=row[13],
        take_profit_e8=row[14],
        max_deviation_e8=row[15],
        sent_at_us=row[16],
        expires_at_us=row[17],
        magic=row[18],
        order_type=_ORDER_TYPES.get(row[19], 0),
        worst_price_e8=row[_WORST],
    )
    return delivery.SerializeToString() + details.SerializeToString()


def encode_deliveries(encoded: Iterable[bytes], cap: int) -> bytes:
    """Deliveries frames, as few as the cap allows, holding `encoded` in its order."""
    frames: list[bytes] = []
    parts: list[bytes] = []
    size = 0
    for part in encoded:
        if parts and size + len(part) > cap - 16:
            frames.append(_envelope(_DELIVERIES_TAG, b"".join(parts), 0))
            parts, size = [], 0
        parts.append(part)
        size += len(part)
    if parts:
        frames.append(_envelope(_DELIVERIES_TAG, b"".join(parts), 0))
    return b"".join(frames)
