"""The byte vectors of docs/protocol.md are what this code sends and reads."""

import hmac
import re
from pathlib import Path

import pytest

from gateway import ecp_pb2 as pb
from gateway.wire import Splitter, encode

KEY = bytes(range(32))
T = 1_700_000_000_000_000

DOCUMENT = Path(__file__).parents[2] / "docs" / "protocol.md"
VECTORS = dict(re.findall(r"^\| (\w+) \| .* \| `([0-9a-f]+)` \|$", DOCUMENT.read_text(), re.MULTILINE))

SIGNAL = pb.Signal(
    stream_id=7,
    epoch=1,
    seq=42,
    action=pb.OPEN,
    symbol="EURUSD",
    side=pb.BUY,
    position_id=100_001,
    volume_e8=10_000_000,
    price_e8=107_219_000,
    stop_loss_e8=106_900_000,
    take_profit_e8=107_900_000,
    sent_at_us=T,
    magic=5,
).SerializeToString()
TAG = hmac.digest(KEY, SIGNAL, "sha256")

FRAMES = {
    "hello": (
        1,
        pb.Hello(
            protocol=1,
            token="ecp_" + "0" * 32 + "_" + "1" * 64,
            instance=bytes(16),
            client="example/1",
            client_time_us=T,
        ),
    ),
    "publish": (2, pb.Publish(stream_id=7, signals=[pb.SignedSignal(signal=SIGNAL, tag=TAG)])),
    "ack": (
        2,
        pb.Ack(
            stream_id=7,
            epoch=1,
            next_seq=43,
            seqs=[42],
            verdicts=[pb.ACCEPTED],
            originals=[pb.ACCEPTED],
            decided_at_us=T + 1000,
        ),
    ),
    "report": (
        3,
        pb.Reports(
            reports=[
                pb.Report(
                    subscription_id=9,
                    delivery_seq=1,
                    status=pb.EXECUTED,
                    ticket=555,
                    price_e8=107_221_000,
                    volume_e8=5_000_000,
                    received_at_us=T + 2000,
                    executed_at_us=T + 3000,
                )
            ]
        ),
    ),
    "heartbeat": (0, pb.Heartbeat(client_time_us=T)),
}


def test_document_has_all_vectors() -> None:
    assert VECTORS.keys() == FRAMES.keys() | {"signal", "tag"}


def test_signature() -> None:
    assert VECTORS["signal"] == SIGNAL.hex()
    assert VECTORS["tag"] == TAG.hex()


@pytest.mark.parametrize("name", FRAMES)
def test_frame(name: str) -> None:
    frame_id, body = FRAMES[name]
    assert encode(body, frame_id).hex() == VECTORS[name]
    (frame,), fault = Splitter(65_536).feed(bytes.fromhex(VECTORS[name]))
    assert fault is None
    assert (frame.id, getattr(frame, frame.WhichOneof("body") or "")) == (frame_id, body)
