"""A subscriber's expert advisor: takes deliveries, guards, executes on its paper broker and reports back."""

import asyncio
import secrets
import time
from collections import Counter, deque
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from gateway import ecp_pb2 as pb
from gateway.client import Client
from ops.demo import guard
from ops.demo.broker import Fill, PaperBroker, Rejected
from ops.demo.cast import Follower

# A terminal that hangs does so for this part of its TTL: what opens meanwhile is too old afterwards.
HANG = 1.2
# What the plane could not decide on (database away) is said again, word for word.
RETRY_S = 0.1


class Arrived(NamedTuple):
    """A delivery, and the plane time (µs) at which it was read off the connection."""

    delivery: pb.Delivery
    at_us: int


class Copier:
    """One subscription followed over real TCP. Lives longer than its connections."""

    def __init__(self, follower: Follower, subscription_id: int, token: str, port: int, broker: PaperBroker) -> None:
        self.follower = follower
        self.subscription_id = subscription_id
        self.broker = broker
        self.sequence = guard.Sequence()
        self.tickets: dict[int, int] = {}
        self.reported: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.verdicts: Counter[str] = Counter()
        self.resent = self.gap_fills = self.holes = self.resumed = self.retries = self.idle_signals = 0
        self.copy_ms: list[float] = []
        self.first_copy_at: float | None = None
        self.delivered: set[int] = set()
        self.examples: dict[str, tuple[int, int]] = {}
        self._token = token
        self._port = port
        self._instance = secrets.token_bytes(16)
        self._client: Client | None = None
        self._arrived: deque[Arrived] = deque()
        self._wake = asyncio.Event()
        self._unacked: dict[int, pb.Report] = {}
        self._openings = 0
        self._resending = self._lost = False

    # Connection

    @property
    def client(self) -> Client:
        """The connection; it is an error to ask for it while there is none."""
        assert self._client is not None
        return self._client

    @property
    def connected(self) -> bool:
        return self._client is not None

    async def connect(self) -> None:
        """Connect, or come back: resume after the last delivery processed, and say again what was not acked."""
        self._client = await Client.connect(
            "127.0.0.1", self._port, self._token, instance=self._instance, on_deliveries=self._received
        )
        await self._client.subscribe(self.subscription_id, self.sequence.last)
        if self._unacked:
            self._report(list(self._unacked.values()))

    def disconnect(self) -> None:
        """Vanish without a word, as a terminal does that loses its network."""
        self.client.abort()
        self._client = None
        self._arrived.clear()
        self.resumed += 1

    async def newest(self) -> int:
        """The newest delivery that exists, by the plane's word."""
        return (await self.client.resend(self.subscription_id, self.sequence.last)).delivery_seq

    @property
    def idle(self) -> bool:
        """Whether everything that arrived was executed, and every report acked."""
        return not self._arrived and not self._unacked

    # Work

    async def run(self) -> None:
        """Execute what arrives, in order; whatever is there is reported in one frame."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            reports = []
            while self._arrived:
                arrived = self._arrived.popleft()
                if self._is_next(arrived.delivery):
                    await self._hang(arrived.delivery)
                    reports.append(self._process(arrived))
            if reports:
                self._report(reports)

    def _received(self, deliveries: Sequence[pb.Delivery]) -> None:
        now = self.client.plane_time_us()
        self._arrived.extend(Arrived(delivery, now) for delivery in deliveries)
        self._wake.set()

    def _is_next(self, delivery: pb.Delivery) -> bool:
        """Whether to process it; asks for a resend where something is missing."""
        place = self.sequence.place(delivery.delivery_seq)
        if place == "next" and delivery.delivery_seq == self.follower.loses and not self._lost:
            self._lost = True
            return False
        if place == "hole" and not self._resending:
            self.holes += 1
            self._resending = True
            self.client.request(
                pb.Resend(subscription_id=self.subscription_id, last_processed=self.sequence.last)
            ).add_done_callback(lambda answer: answer.cancelled() or answer.exception())
        if place == "next":
            self._resending = False
        return place == "next"

    def _process(self, arrived: Arrived) -> pb.Report:
        """Guard, execute, and put into words what happened."""
        delivery = arrived.delivery
        self.sequence.last = delivery.delivery_seq
        self.resent += delivery.possible_duplicate
        self.gap_fills += delivery.gap_fill and delivery.possible_duplicate
        # See ops.demo.market: what comes late meets the present, what comes live the moment of the signal.
        now = self.client.plane_time_us()
        moment = now if delivery.possible_duplicate else delivery.sent_at_us
        report = pb.Report(
            subscription_id=self.subscription_id, delivery_seq=delivery.delivery_seq, received_at_us=arrived.at_us
        )
        code = guard.refusal(
            delivery,
            plane_time_us=now,
            quote=self.broker.quote(moment),
            holds=delivery.position_id in self.tickets,
        )
        if code is None:
            try:
                fill = self._execute(delivery, moment)
            except Rejected:
                report.status, report.code = pb.FAILED, guard.BROKER_REJECTED
            else:
                report.status = pb.EXECUTED
                report.ticket, report.price_e8, report.volume_e8 = fill
                report.executed_at_us = self.client.plane_time_us()
                if not delivery.possible_duplicate and not self.follower.hangs_every:
                    self.copy_ms.append((report.executed_at_us - delivery.sent_at_us) / 1000)
                self.first_copy_at = self.first_copy_at or time.monotonic()
        else:
            report.status, report.code = pb.REJECTED, code
        self._note(delivery, report)
        return report

    def _execute(self, delivery: pb.Delivery, moment: int) -> Fill:
        """An opening that the broker refuses is a miss; what manages or cuts exposure is asked for until it is done."""
        if delivery.action == pb.OPEN:
            side = guard.side_of(delivery)
            fill = self.broker.open(side, delivery.volume_e8, delivery.stop_loss_e8, delivery.take_profit_e8, moment)
            self.tickets[delivery.position_id] = fill.ticket
            return fill
        while True:
            try:
                return self._manage(delivery, moment)
            except Rejected:
                self.retries += 1

    def _manage(self, delivery: pb.Delivery, moment: int) -> Fill:
        ticket = self.tickets[delivery.position_id]
        if delivery.action == pb.MODIFY:
            self.broker.modify(ticket, delivery.stop_loss_e8, delivery.take_profit_e8)
            return Fill(ticket, 0, 0)
        remaining = delivery.volume_e8 if delivery.action == pb.PARTIAL_CLOSE else 0
        fill = self.broker.reduce(ticket, remaining, moment)
        if ticket not in self.broker.book:
            del self.tickets[delivery.position_id]
        return fill

    def _note(self, delivery: pb.Delivery, report: pb.Report) -> None:
        self._unacked[report.delivery_seq] = report
        self.reported[pb.Status.Name(report.status)] += 1
        if report.code == guard.NO_POSITION:
            self.idle_signals += 1
        elif report.code:
            self.refused[report.code] += 1
        if delivery.action == pb.OPEN or delivery.gap_fill:
            self.delivered.add(delivery.seq)
            self.examples.setdefault(report.code or "EXECUTED", (delivery.epoch, delivery.seq))

    async def _hang(self, delivery: pb.Delivery) -> None:
        """Some terminals stand still for a moment, just when something is to be opened."""
        if self.follower.hangs_every and delivery.action == pb.OPEN:
            self._openings += 1
            if self._openings % self.follower.hangs_every == 0:
                await asyncio.sleep(HANG * self.follower.ttl_ms / 1000)

    # Reports

    def _report(self, reports: Sequence[pb.Report]) -> None:
        if self._client is not None:
            self._client.report(reports).add_done_callback(partial(self._acked, reports))

    def _acked(self, reports: Sequence[pb.Report], answer: "asyncio.Future[pb.ReportAck]") -> None:
        again = reports
        if not answer.cancelled() and answer.exception() is None:
            again = []
            for report, verdict in zip(reports, answer.result().verdicts, strict=True):
                self.verdicts[pb.ReportVerdict.Name(verdict)] += 1
                if verdict == pb.REPORT_UNDECIDED:
                    again.append(report)
                else:
                    self._unacked.pop(report.delivery_seq, None)
        # Over a connection that is gone nothing is said again: connect() does that.
        if again and self._client is not None and not self._client.ended.done():
            asyncio.get_running_loop().call_later(RETRY_S, self._report, again)
