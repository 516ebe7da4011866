"""Masters who publish and followers who report, as good clients do: they come back, and resend the same bytes."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import TypeVar

from gateway import ecp_pb2 as pb
from gateway.client import Client, Disconnected, Refusal, now_us, sign
from ops.bench import load as bench
from ops.bench import market
from ops.torture.broker import Broker
from ops.torture.journal import Journal, Kind, Line

BACKOFF_S = 0.02
LOOK_S = 0.01
ANSWER_S = 10.0
"""Longer than this no client waits for an answer; the plane promises one within 500 ms."""
FRAME = 6
"""Signals in a frame, at most."""
MALFORMED_EVERY = 13
"""One in so many openings has no volume, so that there are refusals to remember too."""
T = TypeVar("T")

LOST = (Disconnected, Refusal, OSError, TimeoutError)


class Master:
    """One stream. A frame is on its way at any time, and nothing follows it before every signal in it has a verdict."""

    def __init__(self, port: int, stream: market.Master, journal: Journal, dice: Random) -> None:
        self.stream = stream
        self.seq = 0
        self.sent: list[pb.SignedSignal] = []
        """Every signal that has a verdict: seq 1 is the first."""
        self.verdicts: list[int] = []
        """Of each of them."""
        self.latencies_ms: list[float] = []
        """From the sending of a frame to its ack, of those that were acked."""
        self.client: Client | None = None
        self._port = port
        self._journal = journal
        self._dice = dice
        self._instance = os.urandom(16)
        self._pending: list[pb.SignedSignal] = []
        self._may_send = asyncio.Event()

    @property
    def is_idle(self) -> bool:
        return not self._pending and not self._may_send.is_set()

    def go(self) -> None:
        self._may_send.set()

    def pause(self) -> None:
        """Finish what is on its way, and begin nothing."""
        self._may_send.clear()

    async def run(self) -> None:
        while True:
            try:
                async with _connected(self._port, self.stream.token, self._instance) as client:
                    self.client = client
                    await client.open_stream(self.stream.stream)
                    while True:
                        await self._publish(client)
            except LOST:
                await asyncio.sleep(BACKOFF_S)

    async def resend(self, first: int) -> None:
        """Everything from seq `first` on once more, as the same bytes; what comes back is journaled as acks."""
        client = self.client
        assert client is not None
        for start in range(first - 1, len(self.sent), 500):
            signals = self.sent[start : start + 500]
            ack = await _answer(client.publish(self.stream.stream_id, signals))
            self._note(ack, signals)

    async def probe(self) -> pb.Ack:
        """Send the next signal while nothing else is on its way, and again what is still undecided; if it stays so,
        it goes first as soon as the master may send."""
        client = self.client
        assert client is not None
        if not self._pending:
            self._pending = [self.next_signal()]
            self._journal.write(_line("signal intent", self.stream.stream_id, signed) for signed in self._pending)
        ack = await _answer(client.publish(self.stream.stream_id, self._pending))
        self._note(ack, self._pending)
        return ack

    async def _publish(self, client: Client) -> None:
        if not self._pending:
            await self._may_send.wait()
        if not self._pending:
            self._pending = [self.next_signal() for _ in range(self._dice.randint(1, FRAME))]
            self._journal.write(_line("signal intent", self.stream.stream_id, signed) for signed in self._pending)
        sent = asyncio.get_running_loop().time()
        ack = await _answer(client.publish(self.stream.stream_id, self._pending))
        decided = self._note(ack, self._pending)
        self.sent += self._pending[:decided]
        self.verdicts += ack.originals[:decided]
        del self._pending[:decided]
        if self._pending:
            await asyncio.sleep(BACKOFF_S)
        else:
            self.latencies_ms.append((asyncio.get_running_loop().time() - sent) * 1000)

    def _note(self, ack: pb.Ack, signals: Sequence[pb.SignedSignal]) -> int:
        """Journal the verdicts that stand; how many of the first have one."""
        decided = [
            _line("signal ack", self.stream.stream_id, signed, pb.Verdict.Name(original))
            for signed, original in zip(signals, ack.originals, strict=True)
            if original not in {pb.UNDECIDED, pb.GAP}
        ]
        if decided:
            self._journal.write(decided)
        return len(decided)

    def next_signal(self) -> pb.SignedSignal:
        """What it would send next, signed."""
        assert self.client is not None
        self.seq += 1
        is_open = self.seq % 2 == 1
        position = (self.seq + 1) // 2
        signal = pb.Signal(
            stream_id=self.stream.stream_id,
            epoch=1,
            seq=self.seq,
            action=pb.OPEN if is_open else pb.CLOSE,
            symbol=market.SYMBOL,
            side=pb.BUY,
            position_id=position,
            volume_e8=0 if is_open and position % MALFORMED_EVERY == 0 else 10_000_000,
            price_e8=107_219_000,
            sent_at_us=self.client.plane_time_us(),
        )
        return sign(market.KEY, signal)


class Follower:
    """One subscription: executes every delivery once, and reports it until the report is answered."""

    def __init__(self, port: int, follower: market.Follower, journal: Journal, broker: Broker) -> None:
        self.follower = follower
        self.last = 0
        """The newest delivery processed; every one before it was."""
        self.breaches: list[str] = []
        self.received_at = 0.0
        """By the loop's clock: when the newest came."""
        self.client: Client | None = None
        self.port = port
        """Of the gateway that it goes to when it connects next."""
        self._journal = journal
        self._broker = broker
        self._instance = os.urandom(16)
        self._unanswered: dict[int, pb.Report] = {}
        self._wake = asyncio.Event()
        self._has_specified = False

    @property
    def is_idle(self) -> bool:
        return not self._unanswered

    async def run(self) -> None:
        while True:
            try:
                async with _connected(self.port, self.follower.token, self._instance) as client:
                    self.client = client
                    client.on_deliveries = self._received
                    client.ended.add_done_callback(lambda _: self._wake.set())
                    await client.subscribe(self.follower.subscription_id, self.last)
                    if not self._has_specified:
                        await client.specifications(self.follower.portfolio_id, bench.specifications())
                        self._has_specified = True
                    while True:
                        await self._report(client)
            except LOST:
                await asyncio.sleep(BACKOFF_S)

    def _received(self, deliveries: Sequence[pb.Delivery]) -> None:
        self.received_at = asyncio.get_running_loop().time()
        for delivery in deliveries:
            if delivery.delivery_seq <= self.last:
                continue
            if delivery.delivery_seq != self.last + 1:
                self.breaches.append(
                    f"subscription {delivery.subscription_id}: {delivery.delivery_seq} came after {self.last}"
                )
            self.last = delivery.delivery_seq
            self._unanswered[self.last] = self._broker.execute(delivery)
        self._wake.set()

    async def _report(self, client: Client) -> None:
        if not self._unanswered:
            self._wake.clear()
            if not client.ended.done():
                await self._wake.wait()
            if client.ended.done():
                raise Disconnected("the connection ended")
        reports = list(self._unanswered.values())[:200]
        self._journal.write(_report_line("report intent", report) for report in reports)
        ack = await _answer(client.report(reports))
        answered = [
            (report, verdict)
            for report, verdict in zip(reports, ack.verdicts, strict=True)
            if verdict != pb.REPORT_UNDECIDED
        ]
        self._journal.write(
            _report_line("report ack", report, pb.ReportVerdict.Name(verdict)) for report, verdict in answered
        )
        for report, _ in answered:
            del self._unanswered[report.delivery_seq]
        if len(answered) < len(reports):
            await asyncio.sleep(BACKOFF_S)


class Load:
    """All of them, each on a connection of its own."""

    def __init__(self, masters: Iterable[Master], followers: Iterable[Follower], broker: Broker) -> None:
        self.masters = list(masters)
        self.followers = list(followers)
        self.broker = broker
        self.clients: list[Master | Follower] = [*self.masters, *self.followers]
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(client.run()) for client in self.clients]

    def go(self) -> None:
        for master in self.masters:
            master.go()

    def pause(self) -> None:
        for master in self.masters:
            master.pause()

    @property
    def is_idle(self) -> bool:
        return all(master.is_idle for master in self.masters) and all(f.is_idle for f in self.followers)

    @property
    def acked(self) -> int:
        """Signals that have a verdict."""
        return sum(len(master.sent) for master in self.masters)

    async def moved(self, count: int, seconds: float) -> None:
        """Wait until so many more signals have a verdict. Raises TimeoutError."""
        goal = self.acked + count
        await until(lambda: self.acked >= goal, seconds)

    def breaches(self) -> list[str]:
        """What clients noticed themselves."""
        return [*self.broker.breaches, *(breach for follower in self.followers for breach in follower.breaches)]

    def cut(self) -> None:
        """Every connection ends now: what is still on its way to a client was never received."""
        for task in self._tasks:
            task.cancel()
        for client in self.clients:
            if client.client is not None:
                client.client.abort()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        outcomes = await asyncio.gather(*self._tasks, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome


async def until(holds: Callable[[], bool], seconds: float, *, every: float = LOOK_S) -> None:
    """Look again and again, since nobody tells. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            if holds():
                return
            await asyncio.sleep(every)


@asynccontextmanager
async def _connected(port: int, token: str, instance: bytes) -> AsyncIterator[Client]:
    async with asyncio.timeout(ANSWER_S):
        client = await Client.connect("127.0.0.1", port, token, instance=instance)
    try:
        yield client
    finally:
        client.abort()


async def _answer(answer: "asyncio.Future[T]") -> T:
    async with asyncio.timeout(ANSWER_S):  # wait_for can lose a cancellation
        return await answer


def _line(kind: Kind, stream_id: int, signed: pb.SignedSignal, verdict: str = "") -> Line:
    seq = pb.Signal.FromString(signed.signal).seq
    return Line(kind, stream_id, seq, signed.tag.hex(), verdict, now_us())


def _report_line(kind: Kind, report: pb.Report, verdict: str = "") -> Line:
    content = f"{pb.Status.Name(report.status)} {report.ticket or ''}".strip()
    return Line(kind, report.subscription_id, report.delivery_seq, content, verdict, now_us())
