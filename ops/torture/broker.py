"""The followers' broker: executes what it is told, and remembers every order, so that none can happen twice unseen."""

from itertools import count

from gateway import ecp_pb2 as pb
from gateway.client import now_us
from ops.bench.report import PIP_E8


class Broker:
    """One for all followers. An order is a delivery that was executed; its ticket is the position's."""

    def __init__(self) -> None:
        self.orders: dict[tuple[int, int], tuple[int, int]] = {}
        """(subscription_id, delivery_seq): (epoch, seq) of what was executed."""
        self.breaches: list[str] = []
        self._tickets = count(1)
        self._open: dict[tuple[int, int], tuple[int, int]] = {}
        """(subscription_id, position_id): ticket and volume of what is open."""

    def execute(self, delivery: pb.Delivery) -> pb.Report:
        """What an EA reports of it. Prices are the master's, and every close earns a pip."""
        report = pb.Report(
            subscription_id=delivery.subscription_id,
            delivery_seq=delivery.delivery_seq,
            received_at_us=now_us(),
            executed_at_us=now_us(),
        )
        position = delivery.subscription_id, delivery.position_id
        is_opening = delivery.action == pb.OPEN
        if delivery.gap_fill:
            return _refused(report, "TRG01")
        if is_opening and position in self._open:
            self.breaches.append(f"subscription {position[0]} opened position {position[1]} twice")
        if not is_opening and position not in self._open:
            return _refused(report, "TRG03")
        if is_opening:
            ticket, volume = next(self._tickets), delivery.volume_e8
            self._open[position] = ticket, volume
        else:
            ticket, volume = self._open.pop(position)
        self.orders[delivery.subscription_id, delivery.delivery_seq] = delivery.epoch, delivery.seq
        report.status = pb.EXECUTED
        report.ticket = ticket
        report.volume_e8 = volume
        report.price_e8 = delivery.price_e8 + (0 if is_opening else PIP_E8)
        return report


def _refused(report: pb.Report, code: str) -> pb.Report:
    report.status = pb.REJECTED
    report.code = code
    return report
