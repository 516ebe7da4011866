"""The main job, end to end over TCP."""

import pytest

from gateway import ecp_pb2 as pb
from gateway.server import Gateway
from tests.gateway.conftest import Connect, Market

pytestmark = pytest.mark.core


async def test_signal_goes_to_subscribers_and_what_happened_comes_back(
    gateway: Gateway, connect: Connect, market: Market
) -> None:
    master = market.master()
    followers = [market.subscriber(master) for _ in range(2)]
    provider = await connect(gateway, master.token)
    stream = await provider.open_stream(master.stream)
    assert (stream.stream_id, stream.epoch, stream.last_seq) == (master.stream_id, 1, 0)
    copiers = []
    for token, subscription in followers:
        copier = await connect(gateway, token)
        subscribed = await copier.subscribe(subscription)
        assert (subscribed.stream, subscribed.delivery_seq, subscribed.state) == (master.stream, 0, "SYNCED")
        copiers.append((copier, subscription))

    ack = await provider.publish(master.stream_id, master.signed(provider, 3))

    assert list(ack.verdicts) == [pb.ACCEPTED] * 3
    assert (list(ack.seqs), ack.next_seq) == ([1, 2, 3], 4)
    for copier, subscription in copiers:
        deliveries = await copier.next_deliveries(3)
        assert [(d.subscription_id, d.delivery_seq, d.seq) for d in deliveries] == [
            (subscription, n, n) for n in (1, 2, 3)
        ]
        reported = await copier.report(
            [
                pb.Report(
                    subscription_id=subscription,
                    delivery_seq=d.delivery_seq,
                    status=pb.EXECUTED,
                    ticket=d.delivery_seq,
                    price_e8=d.price_e8,
                    volume_e8=d.volume_e8,
                )
                for d in deliveries
            ]
        )
        assert list(reported.verdicts) == [pb.RECORDED] * 3
