"""`ecp bench overload`: masters offer twice what the plane can take, all of it openings; what becomes of it, and of the
closes of other masters meanwhile."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import psycopg
import uvloop

from gateway import ecp_pb2 as pb
from gateway.client import Client, sign
from ops import scratch
from ops.bench import load, market, resident
from ops.bench.figures import Figures, percentile
from ops.postgres import Stack
from ops.serve import gateway

FLOODING, CLOSING = 8, 8
"""Streams; closes come over their own connections."""
FRAME = 10
WINDOW = 4
"""Frames of one master on their way while capacity is sought."""
CLOSES_S = 40.0
P99_MS, RECOVERY_S = 200.0, 5.0


@dataclass(frozen=True)
class Result(Figures):
    """Of the closes latencies in ms from when each was due; of the openings what was said to them."""

    capacity: float
    offered: float
    openings: dict[str, int]
    closes: int
    closes_refused: int
    p50_ms: float
    p99_ms: float
    recovered_s: float
    """After the last opening was offered, until all were answered and closes took no longer than allowed."""
    idle_mb: float
    peak_mb: float

    @property
    def holds(self) -> bool:
        """Whether closes were in time, something was shed, and it was over soon."""
        shed = sum(count for verdict, count in self.openings.items() if verdict != "ACCEPTED")
        in_time = self.p99_ms <= P99_MS and self.recovered_s <= RECOVERY_S
        return in_time and self.closes_refused == 0 and shed > 0

    def lines(self) -> Iterator[str]:
        yield f"capacity {self.capacity:.0f} signals/s; offered {self.offered:.0f}/s"
        yield "openings: " + ", ".join(f"{verdict} {count}" for verdict, count in self.openings.items())
        yield (
            f"closes meanwhile: {self.closes}, {self.closes_refused} refused; "
            f"p50 {self.p50_ms} ms, p99 {self.p99_ms} ms "
            f"(at most {P99_MS:g})"
        )
        yield f"recovered after {self.recovered_s} s (at most {RECOVERY_S:g})"
        yield f"memory of the gateway: {self.idle_mb} MB before, {self.peak_mb} MB at most"


@dataclass
class Master:
    """One stream on a connection of its own."""

    client: Client
    stream_id: int
    seq: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    _tries: int = 0

    @classmethod
    async def connect(cls, port: int, master: market.Master) -> "Master":
        client = await Client.connect("127.0.0.1", port, master.token)
        opened = await client.open_stream(master.stream)
        return cls(client, opened.stream_id, opened.last_seq)

    def send(self, action: "pb.Action", positions: Sequence[int]) -> "asyncio.Future[pb.Ack]":
        signed = []
        for position_id in positions:
            self.seq += 1
            signal = pb.Signal(
                stream_id=self.stream_id,
                epoch=1,
                seq=self.seq,
                action=action,
                symbol=market.SYMBOL,
                side=pb.BUY,
                position_id=position_id,
                volume_e8=10_000_000,
                price_e8=107_219_000,
                sent_at_us=self.client.plane_time_us(),
            )
            signed.append(sign(market.KEY, signal))
        return self.client.publish(self.stream_id, signed)

    def opens(self) -> "asyncio.Future[pb.Ack]":
        """The next frame of openings. After a refusal, as a master would, on from the first that is missing."""
        first = self.seq + 1
        answer = self.send(pb.OPEN, range(first, first + FRAME))
        answer.add_done_callback(partial(self._go_back, self._tries, first))
        return answer

    def _go_back(self, tries: int, first: int, answer: "asyncio.Future[pb.Ack]") -> None:
        refused = answer.cancelled() or answer.exception() or answer.result().verdicts[0] in {pb.UNDECIDED, pb.GAP}
        # What was on the way behind a refused frame is a gap of which it knows already.
        if refused and tries == self._tries:
            self._tries += 1
            self.seq = first - 1

    def count(self, answer: "asyncio.Future[pb.Ack]") -> None:
        ended = answer.cancelled() or answer.exception()
        names = ["UNANSWERED"] * FRAME if ended else [pb.Verdict.Name(verdict) for verdict in answer.result().verdicts]
        self.verdicts.update(names)


def run(stack: Stack, *, seconds: float, factor: float = 2.0) -> Result:
    """Seek the capacity in a closed loop, then offer `factor` times as much for so many seconds."""
    url = scratch.database(stack, "ecp_bench")
    with psycopg.connect(url, autocommit=True) as connection:
        made = market.masters(connection, FLOODING + CLOSING, ttl_ms=500)
    with gateway(url) as port:
        return uvloop.run(_measure(port, made, seconds, factor))


async def _measure(port: int, made: list[market.Master], seconds: float, factor: float) -> Result:
    loop = asyncio.get_running_loop()
    masters = [await Master.connect(port, master) for master in made]
    flooding, closing = masters[:FLOODING], masters[FLOODING:]
    closes = round(CLOSES_S * (seconds + RECOVERY_S + 2))
    each = closes // len(closing) + 1
    for master in closing:
        for first in range(1, each + 1, FRAME):
            await master.send(pb.OPEN, range(first, min(each, first + FRAME - 1) + 1))
    capacity = await _capacity(flooding, min(seconds, 3.0))
    for master in flooding:
        master.verdicts.clear()
    idle = peak = resident.gateway_kb()
    latencies: list[tuple[float, float]] = []  # when due, and how long
    refused = 0
    ended = asyncio.Event()

    async def close() -> None:
        nonlocal refused, peak
        start, number = loop.time(), 0
        answers = []

        def closed(due: float, answer: "asyncio.Future[pb.Ack]") -> None:
            nonlocal refused
            latencies.append((due, (loop.time() - due) * 1000))
            refused += answer.result().verdicts != [pb.ACCEPTED]

        while not ended.is_set() and number < closes:
            due = start + number / CLOSES_S
            await asyncio.sleep(max(0.0, due - loop.time()))
            master = closing[number % len(closing)]
            answer = master.send(pb.CLOSE, [number // len(closing) + 1])
            answer.add_done_callback(partial(closed, due))
            answers.append(answer)
            number += 1
            if number % 10 == 0:
                peak = max(peak, resident.gateway_kb())
        await asyncio.wait(answers, timeout=30)

    closer = asyncio.ensure_future(close())
    rate = capacity * factor
    answers = await _flood(flooding, rate, seconds)
    over = loop.time()
    await asyncio.wait(answers, timeout=30)
    answered = loop.time() - over
    await asyncio.sleep(max(0.0, RECOVERY_S - answered))
    ended.set()
    await closer
    for master in masters:
        await master.client.close()
    late = [due + ms / 1000 - over for due, ms in latencies if ms > P99_MS]
    during = [ms for due, ms in latencies if due <= over]
    said: Counter[str] = sum((master.verdicts for master in flooding), Counter())
    return Result(
        capacity=round(capacity, 1),
        offered=round(len(answers) * FRAME / seconds, 1),
        openings=dict(said),
        closes=len(during),
        closes_refused=refused,
        p50_ms=percentile(during, 0.5),
        p99_ms=percentile(during, 0.99),
        recovered_s=round(max([answered, *late]), 2),
        idle_mb=round(idle / 1000, 1),
        peak_mb=round(peak / 1000, 1),
    )


async def _capacity(masters: Sequence[Master], seconds: float) -> float:
    """Signals a second when each master has so many frames on the way and waits for answers."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    decided = 0

    async def work(master: Master) -> None:
        nonlocal decided
        while loop.time() < deadline:
            frames = [master.opens() for _ in range(WINDOW)]
            for frame in frames:
                answer = await frame
                decided += sum(verdict == pb.ACCEPTED for verdict in answer.verdicts)

    await asyncio.gather(*(work(master) for master in masters))
    return decided / seconds


async def _flood(masters: Sequence[Master], rate: float, seconds: float) -> "list[asyncio.Future[pb.Ack]]":
    """Openings on their schedule, whatever is answered."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    answers: list[asyncio.Future[pb.Ack]] = []
    load.hold_gc()
    while (now := loop.time() - start) < seconds:
        while len(answers) < now * rate / FRAME:
            master = masters[len(answers) % len(masters)]
            answer = master.opens()
            answer.add_done_callback(master.count)
            answers.append(answer)
        await asyncio.sleep(load.TICK_S)
    return answers
