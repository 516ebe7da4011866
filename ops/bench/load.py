"""Open-loop load: signals leave when the schedule says, whatever has been answered, and latency counts from the
schedule. A generator that waits for answers would measure its own patience."""

import asyncio
import gc
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from gateway import ecp_pb2 as pb
from gateway.client import Client, sign
from ops.bench.market import KEY, SYMBOL, Master

E8 = 10**8
TICK_S = 0.002


class Source(Protocol):
    """One connection that has things to send."""

    def send(self, times: Sequence[float]) -> "asyncio.Future[Any]":
        """The next of them, one for each of these times at which it was due (by the loop's clock), in one frame."""

    def verdicts(self, answer: Any) -> list[str]:
        """What the plane made of each."""


@dataclass
class Publisher:
    """One master: opens a position, then closes it, and so on."""

    client: Client
    stream_id: int
    seq: int = 0
    template: pb.Signal = field(default_factory=pb.Signal)
    """What every signal says beside what it says anyway: stops, the master's account and the like."""
    due: dict[int, float] = field(default_factory=dict)
    """When each signal that was sent by `send` was due."""

    @classmethod
    async def connect(cls, port: int, master: Master, template: pb.Signal | None = None) -> "Publisher":
        client = await Client.connect("127.0.0.1", port, master.token)
        opened = await client.open_stream(master.stream)
        return cls(client, opened.stream_id, opened.last_seq, template or pb.Signal())

    def send(self, times: Sequence[float]) -> "asyncio.Future[pb.Ack]":
        self.due.update(enumerate(times, self.seq + 1))
        return self.client.publish(self.stream_id, self.signals(len(times)))

    def verdicts(self, answer: pb.Ack) -> list[str]:
        return [pb.Verdict.Name(verdict) for verdict in answer.verdicts]

    def signals(self, count: int) -> list[pb.SignedSignal]:
        """The next `count` signals, signed."""
        return [self._next() for _ in range(count)]

    def _next(self) -> pb.SignedSignal:
        self.seq += 1
        is_open = self.seq % 2 == 1
        signal = pb.Signal(
            stream_id=self.stream_id,
            epoch=1,
            seq=self.seq,
            action=pb.OPEN if is_open else pb.CLOSE,
            symbol=SYMBOL,
            side=pb.BUY,
            position_id=(self.seq + 1) // 2,
            volume_e8=10_000_000,
            price_e8=107_219_000,
            sent_at_us=self.client.plane_time_us(),
        )
        signal.MergeFrom(self.template)
        return sign(KEY, signal)


@dataclass
class Tally:
    """What came back: one latency (ms) and one verdict for each that was offered."""

    offered: int = 0
    latencies_ms: list[float] = field(default_factory=list)
    verdicts: Counter[str] = field(default_factory=Counter)


async def first_signal(publisher: Publisher) -> None:
    """A master's first signal, resent as a master would, for as long as the plane cannot say."""
    first = publisher.signals(1)
    while (await publisher.client.publish(publisher.stream_id, first)).verdicts == [pb.UNDECIDED]:
        pass


async def warm_up(publishers: list[Publisher], rate: float) -> None:
    """Connections, plans and caches, outside the measurement. What is offered after each master's first signal is
    not resent, so that nothing hides in a resend."""
    for publisher in publishers:
        await first_signal(publisher)
    await offer(publishers, rate, 1)


async def offer(sources: Sequence[Source], rate: float, seconds: float) -> Tally:
    """Offer `rate` a second for `seconds`, over all sources in turn, and wait for every answer."""
    loop = asyncio.get_running_loop()
    tally = Tally()
    total = round(rate * seconds)
    answers: list[asyncio.Future[Any]] = []
    hold_gc()
    start = loop.time() + 0.05
    turn = 0
    while tally.offered < total:
        await asyncio.sleep(max(0.0, start + (tally.offered + 1) / rate - loop.time(), TICK_S / 2))
        due = min(total, int((loop.time() - start) * rate)) - tally.offered
        # A tick's worth travels in as few frames as there are sources to share it.
        share, rest = divmod(max(due, 0), len(sources))
        for n in range(len(sources) if share else rest):
            source = sources[(turn + n) % len(sources)]
            count = share + (n < rest)
            times = [start + (tally.offered + 1 + k) / rate for k in range(count)]
            answer = source.send(times)
            answer.add_done_callback(partial(_record, source, times, tally))
            answers.append(answer)
            tally.offered += count
        turn += rest
    await asyncio.wait(answers, timeout=30)
    gc.enable()
    return tally


def executed(client: Client, delivery: pb.Delivery, volume_e8: int, price_e8: int) -> pb.Report:
    """That it was done at once, under the master's own ticket."""
    now = client.plane_time_us()
    return pb.Report(
        subscription_id=delivery.subscription_id,
        delivery_seq=delivery.delivery_seq,
        status=pb.EXECUTED,
        ticket=delivery.position_id,
        price_e8=price_e8,
        volume_e8=volume_e8,
        received_at_us=now,
        executed_at_us=now,
    )


def specifications(suffix: str = "") -> list[pb.Specification]:
    """What a broker offers whose symbols end in `suffix`."""
    return [
        pb.Specification(
            symbol=symbol + suffix,
            digits=5,
            contract_size_e8=100_000 * E8,
            volume_min_e8=E8 // 100,
            volume_max_e8=100 * E8,
            volume_step_e8=E8 // 100,
            tick_size_e8=E8 // 100_000,
            tick_value_e8=E8,
            base_currency=symbol[:3],
            profit_currency=symbol[3:],
        )
        for symbol in (SYMBOL, "GBPUSD", "AUDUSD")
    ]


def hold_gc() -> None:
    """No collection until `gc.enable()`: a pause of the generator's own would be booked on the plane."""
    gc.collect()
    gc.freeze()
    gc.disable()


def _record(source: Source, times: list[float], tally: Tally, answer: "asyncio.Future[Any]") -> None:
    # The loop's own clock, but to the microsecond and of this moment.
    now = time.monotonic()
    if answer.cancelled() or answer.exception():
        tally.verdicts["UNANSWERED"] += len(times)
        return
    tally.latencies_ms.extend((now - at) * 1000 for at in times)
    tally.verdicts.update(source.verdicts(answer.result()))
