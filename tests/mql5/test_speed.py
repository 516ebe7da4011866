"""A delivery is read and judged in far less than a market moves: 50 µs are allowed, in the compiled build."""

from pathlib import Path

from gateway import ecp_pb2 as pb
from gateway.wire import encode
from tests.mql5.script import run

DELIVERY = pb.Delivery(
    subscription_id=9, delivery_seq=1, stream_id=7, epoch=1, seq=42, action=pb.OPEN, symbol="EURUSD.m", side=pb.BUY,
    position_id=100_001, volume_e8=10_000_000, price_e8=107_219_000, stop_loss_e8=106_900_000,
    take_profit_e8=107_900_000, max_deviation_e8=100_000, sent_at_us=1_699_999_999_900_000,
    expires_at_us=1_700_000_000_400_000, magic=5, worst_price_e8=107_300_000,
)  # fmt: skip


def test_reading_and_judging_a_delivery_takes_less_than_50_microseconds(tmp_path: Path) -> None:
    rounds = 20_000
    data = encode(pb.Deliveries(deliveries=[DELIVERY]))
    words = run("Bench", tmp_path, {"bytes.bin": data}, Rounds=rounds)[0].split(" ")
    assert words[1] == str(rounds)
    assert int(words[3]) < 50_000
