"""The byte-exact vectors of docs/protocol.md."""

import hmac
import re

import pytest

from gateway import ecp_pb2 as pb
from gateway.client import sign
from gateway.wire import Splitter, encode
from ops.paths import ROOT

KEY = bytes(range(32))
VECTOR = re.compile(r"^\| (\w+) \| .+ \| `([0-9a-f]+)` \|$", re.MULTILINE)
START_US = 1_700_000_000_000_000

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
    sent_at_us=START_US,
    magic=5,
)
FRAMES = {
    "hello": (
        1,
        pb.Hello(
            protocol=1,
            token="ecp_" + "0" * 32 + "_" + "1" * 64,
            instance=bytes(16),
            client="example/1",
            client_time_us=START_US,
        ),
    ),
    "publish": (2, pb.Publish(stream_id=7, signals=[sign(KEY, SIGNAL)])),
    "ack": (
        2,
        pb.Ack(
            stream_id=7,
            epoch=1,
            next_seq=43,
            seqs=[42],
            verdicts=[pb.ACCEPTED],
            originals=[pb.ACCEPTED],
            decided_at_us=START_US + 1_000,
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
                    received_at_us=START_US + 2_000,
                    executed_at_us=START_US + 3_000,
                )
            ]
        ),
    ),
    "heartbeat": (0, pb.Heartbeat(client_time_us=START_US)),
    "specifications": (
        4,
        pb.Specifications(
            portfolio_id=3,
            specifications=[
                pb.Specification(
                    symbol="EURUSD.m",
                    digits=5,
                    contract_size_e8=10_000_000_000_000,
                    volume_min_e8=1_000_000,
                    volume_max_e8=10_000_000_000,
                    volume_step_e8=1_000_000,
                    tick_size_e8=1_000,
                    tick_value_e8=100_000_000,
                    base_currency="EUR",
                    profit_currency="USD",
                    trade_mode=pb.FULL,
                )
            ],
        ),
    ),
    "account_state": (
        5,
        pb.AccountState(
            portfolio_id=3,
            balance_e8=1_000_000_000_000,
            equity_e8=998_750_000_000,
            broker_time_us=START_US + 7_200_000_000,
            subscriptions=[pb.SubscriptionState(subscription_id=9, last_processed=1, profit_e8=-1_250_000_000)],
        ),
    ),
    "book": (
        6,
        pb.Book(
            subscription_id=9,
            last_processed=1,
            holdings=[
                pb.Holding(
                    ticket=555,
                    position_id=100_001,
                    delivery_seq=1,
                    symbol="EURUSD.m",
                    side=pb.BUY,
                    volume_e8=5_000_000,
                    price_e8=107_221_000,
                    stop_loss_e8=106_900_000,
                    take_profit_e8=107_900_000,
                )
            ],
        ),
    ),
    "book_ack": (6, pb.BookAck(subscription_id=9, settled=1, delivery_seq=1)),
}


def vectors() -> dict[str, bytes]:
    page = (ROOT / "docs/protocol.md").read_text()
    return {name: bytes.fromhex(value) for name, value in VECTOR.findall(page)}


def test_a_signal_and_its_tag_are_these_bytes() -> None:
    payload = SIGNAL.SerializeToString()
    assert payload == vectors()["signal"]
    assert hmac.digest(KEY, payload, "sha256") == vectors()["tag"]


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_is_written_as_these_bytes(name: str) -> None:
    number, body = FRAMES[name]
    assert encode(body, number) == vectors()[name]


def test_all_vectors_in_one_run_are_read_back() -> None:
    run = b"".join(vectors()[name] for name in FRAMES)
    frames, fault = Splitter(65_536).feed(run)
    assert fault is None
    assert [(frame.id, frame.WhichOneof("body")) for frame in frames] == [
        (1, "hello"),
        (2, "publish"),
        (2, "ack"),
        (3, "reports"),
        (0, "heartbeat"),
        (4, "specifications"),
        (5, "account_state"),
        (6, "book"),
        (6, "book_ack"),
    ]
