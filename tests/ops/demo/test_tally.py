"""What the demo says of a terminal counts each delivery once."""

import pytest

from gateway import ecp_pb2 as pb
from ops.demo import guard
from ops.demo.tally import Tally

pytestmark = pytest.mark.core


def test_a_delivery_that_is_told_again_counts_once() -> None:
    tally = Tally()
    report = pb.Report(status=pb.REJECTED, code=guard.TTL_EXPIRED)
    for number in (1, 2, 2):
        tally.note(pb.Delivery(subscription_id=9, delivery_seq=number, action=pb.OPEN), report, took_us=None)
    assert (tally.reported, tally.refused) == ({"REJECTED": 2}, {guard.TTL_EXPIRED: 2})
