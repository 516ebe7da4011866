"""Framing: whatever the fragments, the frames are the same; whatever the bytes, nothing breaks."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import ecp_pb2 as pb
from gateway.wire import DeliveryEncoder, Splitter, encode, encode_deliveries, varint

CAP = 1000


def heartbeats(count: int) -> bytes:
    return b"".join(encode(pb.Heartbeat(client_time_us=number), number) for number in range(1, count + 1))


def feed(*chunks: bytes) -> tuple[list[int], str | None]:
    """Ids of the frames, and the fault that ended them."""
    splitter = Splitter(CAP)
    ids: list[int] = []
    for chunk in chunks:
        frames, fault = splitter.feed(chunk)
        ids += [frame.id for frame in frames]
        if fault:
            return ids, fault
    return ids, None


def test_encoding_is_that_of_protobuf() -> None:
    assert encode(pb.Logout(), 300) == pb.Wire(frames=[pb.Frame(id=300, logout=pb.Logout())]).SerializeToString()
    assert (
        encode(pb.Goodbye(reason="x")) == pb.Wire(frames=[pb.Frame(goodbye=pb.Goodbye(reason="x"))]).SerializeToString()
    )


def test_run_of_frames_in_one_chunk() -> None:
    assert feed(heartbeats(50)) == (list(range(1, 51)), None)


def test_fragments_of_one_byte() -> None:
    assert feed(*(bytes((byte,)) for byte in heartbeats(20))) == (list(range(1, 21)), None)


def test_unfinished_frame_is_known_as_such() -> None:
    splitter = Splitter(CAP)
    splitter.feed(heartbeats(1)[:-1])
    assert splitter.unfinished
    assert [frame.id for frame in splitter.feed(heartbeats(1)[-1:])[0]] == [1]
    assert not splitter.unfinished


def test_frame_of_exactly_the_cap() -> None:
    body = pb.Frame(id=1, goodbye=pb.Goodbye(reason="x" * (CAP - 9))).SerializeToString()
    assert len(body) == CAP
    assert feed(b"\x0a" + varint(CAP) + body) == ([1], None)


@pytest.mark.parametrize(
    ("tail", "code"),
    [
        pytest.param(b"\x0a" + varint(CAP + 1), "TRP01", id="over the cap"),
        pytest.param(b"\x0a\xff\xff\xff\xff\x0f", "TRP01", id="4 GiB"),
        pytest.param(b"\x0a" + b"\x80" * 20, "TRP01", id="endless length"),
        pytest.param(b"\x0a\x00", "TRP02", id="empty"),
        pytest.param(b"\x0a\x80\x00", "TRP02", id="empty, written long"),
        pytest.param(b"GET / HTTP/1.1\r\n", "TRP03", id="another protocol"),
        pytest.param(b"\x0a\x02\xff\xff", "TRP03", id="not protobuf"),
        pytest.param(b"\x0a\x03\x12\x05a", "TRP03", id="field longer than its frame"),
        pytest.param(b"\x0a\x06\x12\x04\x12\x02\xff\xfe", "TRP03", id="text that is not UTF-8"),
        pytest.param(b"\x0a\x64" + b"\x0b" * 100, "TRP03", id="groups in groups"),
    ],
)
def test_frames_before_a_bad_one_count(tail: bytes, code: str) -> None:
    assert feed(heartbeats(3) + tail) == ([1, 2, 3], code)
    assert feed(heartbeats(3), *(bytes((byte,)) for byte in tail)) == ([1, 2, 3], code)


def test_unknown_fields_are_no_fault() -> None:
    assert feed(b"\x0a\x05\x08\x07\xfa\x3f\x00") == ([7], None)


@settings(deadline=None)
@given(cuts=st.lists(st.integers(0, 600)), count=st.integers(1, 40))
def test_any_fragmentation_gives_the_same_frames(cuts: list[int], count: int) -> None:
    data = heartbeats(count)
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    chunks = [data[start:end] for start, end in pairwise(edges)]
    assert feed(*chunks) == (list(range(1, count + 1)), None)


@settings(deadline=None)
@given(chunks=st.lists(st.binary(max_size=200) | st.builds(heartbeats, st.integers(1, 3)), max_size=20))
def test_any_bytes_end_in_frames_or_a_fault(chunks: list[bytes]) -> None:
    _, fault = feed(*chunks)
    assert fault in {None, "TRP01", "TRP02", "TRP03"}


@settings(deadline=None)
@given(data=st.data())
def test_flipped_bits_never_raise(data: st.DataObject) -> None:
    message = bytearray(heartbeats(5))
    for _ in range(data.draw(st.integers(1, 5))):
        message[data.draw(st.integers(0, len(message) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    _, fault = feed(bytes(message))
    assert fault in {None, "TRP01", "TRP02", "TRP03"}


def row(
    subscription: int,
    delivery_seq: int,
    volume: int = 10,
    *,
    is_gap_fill: bool = False,
    of_the_copy: tuple[int | None, int | None] = (None, None),
    worst: int | None = None,
) -> tuple[object, ...]:
    """A signals.delivery; `of_the_copy`: what it holds, and its ticket."""
    tail = ("OPEN", "EURUSD", "BUY", 99, volume, 107_219_000, 0, 0, 0, 1_700_000_000_000_000, 0, -5, "MARKET")
    session = f"session of {subscription}"
    return (subscription, delivery_seq, 7, 1, 42, False, is_gap_fill, *tail, session, *of_the_copy, worst)


def test_deliveries_are_encoded_like_protobuf_does() -> None:
    encoder = DeliveryEncoder()
    encoded = [encoder.encode(row(sub, 1000, volume)) for sub in (1, 200, 3_000_000) for volume in (10, 20)]
    frames, fault = Splitter(CAP).feed(encode_deliveries(encoded, CAP))
    assert fault is None
    assert [(d.subscription_id, d.volume_e8) for frame in frames for d in frame.deliveries.deliveries] == [
        (1, 10), (1, 20), (200, 10), (200, 20), (3_000_000, 10), (3_000_000, 20),
    ]  # fmt: skip
    first = frames[0].deliveries.deliveries[0]
    assert first == pb.Delivery(
        subscription_id=1,
        delivery_seq=1000,
        stream_id=7,
        epoch=1,
        seq=42,
        action=pb.OPEN,
        symbol="EURUSD",
        side=pb.BUY,
        position_id=99,
        volume_e8=10,
        price_e8=107_219_000,
        sent_at_us=1_700_000_000_000_000,
        magic=-5,
    )


def test_what_differs_between_subscriptions_is_encoded_for_each() -> None:
    encoder = DeliveryEncoder()
    rows = [
        row(1, 1, of_the_copy=(30, 555)),
        row(2, 1, of_the_copy=(2**62, 2**63 - 1)),
        row(3, 1, of_the_copy=(0, None), worst=107_000_000),
        row(4, 1, of_the_copy=(None, 7), worst=108_000_000),
        row(5, 1),
        row(7, 1, of_the_copy=(-1_000_000, None)),
        row(6, 1, is_gap_fill=True, of_the_copy=(30, 555), worst=107_000_000),
    ]
    deliveries = pb.Deliveries.FromString(b"".join(encoder.encode(one) for one in rows)).deliveries
    assert [(d.subscription_id, d.held_volume_e8, d.ticket, d.worst_price_e8) for d in deliveries] == [
        (1, 30, 555, 0),
        (2, 2**62, 2**63 - 1, 0),
        (3, 0, 0, 107_000_000),
        (4, 0, 7, 108_000_000),
        (5, 0, 0, 0),
        (7, -1_000_000, 0, 0),
        (6, 0, 0, 0),
    ]
    assert {d.symbol for d in deliveries[:5]} == {"EURUSD"}


def test_one_signal_is_encoded_once_for_all_that_get_the_same() -> None:
    encoder = DeliveryEncoder()
    for subscription in range(1, 100):
        encoder.encode(row(subscription, subscription, of_the_copy=(subscription, subscription)))
    assert len(encoder._tails) == 1


def test_deliveries_are_cut_at_the_cap() -> None:
    encoder = DeliveryEncoder()
    data = encode_deliveries([encoder.encode(row(1, number)) for number in range(1, 101)], CAP)
    frames, fault = Splitter(CAP).feed(data)
    assert fault is None
    assert len(frames) > 1
    assert [d.delivery_seq for frame in frames for d in frame.deliveries.deliveries] == list(range(1, 101))
