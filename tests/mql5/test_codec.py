"""The reader in MQL5 beside Google's: what the plane may say, and what nobody should."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import ecp_pb2 as pb
from gateway.wire import encode, varint
from tests.mql5.script import run

U64, U32, I64 = st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1), st.integers(-(2**63), 2**63 - 1)
# No surrogates, which are no UTF-8, and no zero, which ends a string of MQL5.
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
BYTES = st.binary(max_size=20)
# What a client reads: by the name of the field in Frame.body.
SAID = [
    "welcome", "stream_opened", "ack", "subscribed", "deliveries", "report_ack", "heartbeat_ack", "error", "goodbye",
    "book_ack", "account_state_ack", "specifications_ack",
]  # fmt: skip


def _values(field: Any) -> st.SearchStrategy[Any]:
    if field.message_type:
        return _messages(getattr(pb, field.message_type.name))
    if field.enum_type:
        return st.sampled_from([value.number for value in field.enum_type.values])
    kinds = {
        field.TYPE_UINT64: U64, field.TYPE_UINT32: U32, field.TYPE_INT64: I64,
        field.TYPE_STRING: TEXT, field.TYPE_BYTES: BYTES, field.TYPE_BOOL: st.booleans(),
    }  # fmt: skip
    return kinds[field.type]


def _messages(kind: type[Message]) -> st.SearchStrategy[Message]:
    fields = {
        field.name: st.lists(_values(field), max_size=4) if field.is_repeated else _values(field)
        for field in kind.DESCRIPTOR.fields
    }
    return st.fixed_dictionaries({}, optional=fields).map(lambda chosen: kind(**chosen))


BODIES = {
    field.name: getattr(pb, field.message_type.name)
    for field in pb.Frame.DESCRIPTOR.oneofs_by_name["body"].fields
    if field.message_type
}
FRAMES = st.one_of([st.tuples(_messages(BODIES[name]), U64) for name in SAID])


def _hex(text: str) -> str:
    return f"'{text.encode().hex()}'"


def _list(values: Any) -> str:
    return f"[{','.join(map(str, values))}]"


def _refusals(all_of: Any) -> str:
    return f"[{','.join(f'{r.index}{_hex(r.code)}{_hex(r.message)}{_hex(r.hint)}' for r in all_of)}]"


def _fields(message: Message, names: str) -> str:
    said = []
    for name in names.split():
        match getattr(message, name):
            case bool(flag):
                said.append(str(int(flag)))
            case str(text):
                said.append(_hex(text))
            case bytes(data):
                said.append(data.hex())
            case number:
                said.append(str(number))
    return " ".join(said)


DELIVERY = " ".join(field.name for field in pb.Delivery.DESCRIPTOR.fields)
PRINT: dict[str, Callable[[Any], str]] = {
    "welcome": lambda m: _fields(m, "session account purpose plane_time_us heartbeat_ms max_frame_bytes"),
    "stream_opened": lambda m: _fields(m, "stream_id stream epoch last_seq ttl_ms"),
    "ack": lambda m: (
        f"{_fields(m, 'stream_id epoch next_seq')} {_list(m.seqs)} {_list(m.verdicts)} {_list(m.originals)} "
        f"{_refusals(m.refusals)} {m.decided_at_us}"
    ),
    "subscribed": lambda m: _fields(m, "subscription_id stream delivery_seq state portfolio_id mode"),
    "deliveries": lambda m: "deliveries" + "".join(f"{{{_fields(d, DELIVERY)}}}" for d in m.deliveries),
    "report_ack": lambda m: (
        f"{_list(m.subscription_ids)} {_list(m.delivery_seqs)} {_list(m.verdicts)} {_refusals(m.refusals)}"
    ),
    "heartbeat_ack": lambda m: _fields(m, "client_time_us plane_time_us"),
    "error": lambda m: _fields(m, "code message detail hint fatal"),
    "goodbye": lambda m: _fields(m, "reason"),
    "book_ack": lambda m: _fields(m, "subscription_id settled differences delivery_seq"),
    "account_state_ack": lambda m: f"refusals {_refusals(m.refusals)}",
    "specifications_ack": lambda m: " ".join(
        [str(m.portfolio_id), *(f"{_hex(r.master_symbol)}{_hex(r.symbol)}{_hex(r.reason)}" for r in m.resolutions)]
    ),
}


def _expected(body: Message, frame_id: int) -> str:
    name = next(name for name, kind in BODIES.items() if isinstance(body, kind))
    number = pb.Frame.DESCRIPTOR.fields_by_name[name].number
    return f"{number} {frame_id} {PRINT[name](body)}"


def _decode(folder: Path, data: bytes, piece: int = 7) -> list[str]:
    return run("Decode", folder, {"bytes.bin": data}, Piece=piece)


def test_every_field_that_the_plane_says_is_read(tmp_path: Path) -> None:
    bodies = [_numbered(BODIES[name]) for name in SAID]
    data = b"".join(encode(body, 5) for body in bodies)
    assert _decode(tmp_path, data) == [*(_expected(body, 5) for body in bodies), "fault "]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frames=st.lists(FRAMES, min_size=1, max_size=20), piece=st.integers(1, 200))
def test_what_the_plane_says_is_read_as_it_was_said(
    tmp_path: Path, frames: list[tuple[Message, int]], piece: int
) -> None:
    data = b"".join(encode(body, frame_id) for body, frame_id in frames)
    assert _decode(tmp_path, data, piece) == [_expected(*frame) for frame in frames] + ["fault "]


def _numbered(kind: type[Message]) -> Message:
    """Every field says its own number: see programs/Encode.mq5."""

    def value(field: Any) -> Any:
        if field.message_type:
            return _numbered(getattr(pb, field.message_type.name))
        if field.type == field.TYPE_STRING:
            return f"text {field.number}"
        if field.type == field.TYPE_BOOL:
            return True
        return bytes([field.number]) if field.type == field.TYPE_BYTES else 100 + field.number

    fields = kind.DESCRIPTOR.fields
    return kind(**{field.name: [value(field)] if field.is_repeated else value(field) for field in fields})


def test_every_field_that_an_expert_writes_is_what_it_should_be(tmp_path: Path) -> None:
    said = [line.split(" ") for line in run("Encode", tmp_path)]
    made = {name: getattr(pb, name).FromString(bytes.fromhex(data)) for name, data in said}
    assert made == {name: _numbered(getattr(pb, name)) for name in made}
    assert made.keys() == {
        "Hello", "Signal", "Publish", "ResyncIntent", "Reports", "Report", "Subscribe", "Resend", "Book",
        "AccountState", "Specifications",
    }  # fmt: skip


def test_numbers_that_are_not_packed_are_read_too(tmp_path: Path) -> None:
    # seqs 5 and 300 as two fields of their own, then a verdict.
    body = bytes.fromhex("2005") + bytes.fromhex("20ac02") + bytes.fromhex("2801")
    assert _decode(tmp_path, _frame(22, body)) == ["22 0 0 0 0 [5,300] [1] [] [] 0", "fault "]


def test_what_a_later_plane_says_besides_is_skipped(tmp_path: Path) -> None:
    unknown = bytes.fromhex("f8070 1".replace(" ", "")) + b"\xfa\x07\x02ab" + b"\xfd\x07abcd" + b"\xf9\x07abcdefgh"
    assert _decode(tmp_path, _frame(26, b"\x08\x05\x10\x06" + unknown)) == ["26 0 5 6", "fault "]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"\x08", "a varint that ends"),
        (b"\x08" + b"\xff" * 9 + b"\x02", "a varint of more than 64 bits"),
        (b"\x08" + b"\x80" * 10 + b"\x01", "a varint of eleven bytes"),
        (b"\x0a\x01a", "bytes where a number belongs"),
        (b"\x0d\x01\x02\x03\x04", "four bytes where a number belongs"),
        (b"\x0b\x0c", "a group"),
        (b"\x00\x01", "field 0"),
        (b"\xfa\x07\x05ab", "bytes that end"),
        (b"\xfa\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "bytes without end"),
        (b"\xfa\x07" + varint(2**32 + 2) + b"ab", "bytes whose count has 33 bits, and its lower 32 would do"),
        (varint(2**35 + 8) + b"\x05", "a field whose number has 33 bits, and its lower 32 are those of a field"),
        (b"\xf9\x07abc", "eight bytes that end"),
    ],
)
def test_what_is_no_message_is_refused(tmp_path: Path, body: bytes, why: str) -> None:
    """HeartbeatAck: two numbers. All that is behind it is still read: the frame has its own bounds."""
    assert _decode(tmp_path, _frame(26, body) + encode(pb.HeartbeatAck(client_time_us=1))) == [
        "26 0 unreadable", "26 0 1 0", "fault ",
    ], why  # fmt: skip


@pytest.mark.parametrize(
    ("body", "why"),
    [(b"\x22\x01\x80", "a number in a run that ends"), (b"\x38\x05", "a number where a message belongs")],
)
def test_what_is_no_list_is_refused(tmp_path: Path, body: bytes, why: str) -> None:
    """Ack: of numbers, and of refusals."""
    assert _decode(tmp_path, _frame(22, body)) == ["22 0 unreadable", "fault "], why


def test_numbers_beyond_their_type_and_texts_with_a_zero_are_refused(tmp_path: Path) -> None:
    data = (
        _frame(21, b"\x18" + varint(2**32))  # epoch
        + _frame(22, b"\x28" + b"\xff" * 9 + b"\x01")  # a verdict below zero
        + _frame(23, b"\x30" + b"\xff" * 9 + b"\x01")  # a mode below zero
        + _frame(28, b"\x0a\x03a\x00b")
    )
    assert _decode(tmp_path, data) == [*(f"{number} 0 unreadable" for number in (21, 22, 23, 28)), "fault "]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x0b\x01", "TRP03"),
        (b"\x0a\x00", "TRP02"),
        (b"\x0a" + varint(16 * 1024 * 1024 + 1), "TRP01"),
        (b"\x0a\xff\xff\xff\xff\xff\x01", "TRP01"),
        (b"\x0a\x02\x08\x80", "TRP03"),
    ],
)
def test_what_is_no_frame_ends_the_connection(tmp_path: Path, data: bytes, code: str) -> None:
    good = encode(pb.HeartbeatAck(client_time_us=1))
    assert _decode(tmp_path, good + data + good) == ["26 0 1 0", f"fault {code}"]


def test_a_frame_that_has_not_ended_is_waited_for(tmp_path: Path) -> None:
    good = encode(pb.Error(code="TRP09", message="x" * 500))
    for cut in range(1, len(good), 97):
        assert _decode(tmp_path, good[:cut]) == ["fault "]


def _frame(number: int, body: bytes) -> bytes:
    head = varint(number << 3 | 2) + varint(len(body)) + body
    return b"\x0a" + varint(len(head)) + head
