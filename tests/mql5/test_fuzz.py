"""Mutated frames through the reader, under AddressSanitizer and UBSan."""

import os
from pathlib import Path

from gateway import ecp_pb2 as pb
from gateway.wire import encode
from tests.mql5.script import run

# In full: ECP_LONG=1.
FRAMES = 10_000_000 if os.environ.get("ECP_LONG") else 50_000
REFUSAL = pb.Refusal(index=1, code="TRS03", message="The tag does not sign these bytes.", hint="HMAC-SHA256")
VERDICTS = [pb.ACCEPTED, pb.BAD_SIGNATURE]
REPORT_VERDICTS = [pb.RECORDED, pb.REPORT_CONFLICT]
CORPUS = [
    pb.Welcome(session=bytes(16), account="a", purpose="SUBSCRIBE", plane_time_us=1, heartbeat_ms=1000),
    pb.StreamOpened(stream_id=7, stream="alpha", epoch=1, last_seq=42, ttl_ms=500),
    pb.Ack(stream_id=7, epoch=1, next_seq=43, seqs=[1, 300], verdicts=VERDICTS, originals=VERDICTS, refusals=[REFUSAL]),
    pb.Subscribed(subscription_id=9, stream="alpha", delivery_seq=2**40, state="SYNCED", mode=pb.HEDGING),
    pb.Deliveries(
        deliveries=[
            pb.Delivery(
                subscription_id=9, delivery_seq=n, action=pb.OPEN, symbol="EURUSD.m", side=pb.BUY, volume_e8=10**7,
                price_e8=107219000, position_id=100001, sent_at_us=1700000000000000, worst_price_e8=-1, gap_fill=True,
            )
            for n in range(1, 4)
        ]
    ),
    pb.ReportAck(subscription_ids=[9, 9], delivery_seqs=[1, 2], verdicts=REPORT_VERDICTS, refusals=[REFUSAL]),
    pb.HeartbeatAck(client_time_us=1, plane_time_us=-1),
    pb.Error(code="TRP09", message="busy", detail="{}", hint="wait", fatal=True),
    pb.Goodbye(reason="logout"),
    pb.BookAck(subscription_id=9, settled=1, differences=2, delivery_seq=3),
    pb.AccountStateAck(refusals=[REFUSAL, REFUSAL]),
    pb.SpecificationsAck(
        portfolio_id=3, resolutions=[pb.Resolution(master_symbol="EURUSD", symbol="EURUSD.m"), pb.Resolution()]
    ),
]  # fmt: skip


def test_no_mutation_of_a_frame_does_harm(tmp_path: Path, drawn_seed: int) -> None:
    corpus = "\n".join(encode(body, 77).hex() for body in CORPUS)
    said = run("Fuzz", tmp_path, {"corpus.txt": corpus}, sanitize=True, Frames=FRAMES, Seed=drawn_seed)
    words = said[0].split(" ")
    # It did get inside: some were cut out of their bytes, and some of these were read.
    assert words[1] == str(FRAMES)
    assert 0 < int(words[5]) < int(words[3]) <= 20 * FRAMES
