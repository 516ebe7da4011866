"""The simulated broker: no order twice unseen."""

from gateway import ecp_pb2 as pb
from ops.torture.broker import Broker


def delivery(seq: int, action: pb.Action, **more: object) -> pb.Delivery:
    return pb.Delivery(
        subscription_id=1, delivery_seq=seq, epoch=1, seq=seq, action=action, position_id=5, volume_e8=10, price_e8=100,
        **more,  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_position_is_opened_and_closed_under_one_ticket() -> None:
    broker = Broker()
    opened, closed = broker.execute(delivery(1, pb.OPEN)), broker.execute(delivery(2, pb.CLOSE))
    assert (opened.status, closed.status) == (pb.EXECUTED, pb.EXECUTED)
    assert opened.ticket == closed.ticket > 0
    assert closed.volume_e8 == opened.volume_e8
    assert broker.orders == {(1, 1): (1, 1), (1, 2): (1, 2)}
    assert broker.breaches == []


def test_opening_twice_is_told() -> None:
    broker = Broker()
    broker.execute(delivery(1, pb.OPEN))
    broker.execute(delivery(2, pb.OPEN))
    assert broker.breaches == ["subscription 1 opened position 5 twice"]


def test_what_is_not_there_is_not_closed_and_a_gap_fill_is_not_traded() -> None:
    broker = Broker()
    assert broker.execute(delivery(1, pb.CLOSE)).code == "TRG03"
    assert broker.execute(delivery(2, pb.OPEN, gap_fill=True)).code == "TRG01"
    assert broker.orders == {}
