"""The master's expert advisor: numbers, signs and publishes what the strategy wants, and sees it through."""

import asyncio
import time
from collections import Counter, deque
from contextlib import suppress
from functools import partial

from gateway import ecp_pb2 as pb
from gateway.client import Client, sign
from ops.demo.cast import TTL_MS, Publisher
from ops.demo.strategy import Intent

MAGIC = 1030
# Undecided signals on the way; beyond it the bars wait.
WINDOW = 32
# Decided signals of which no copier has heard; beyond it they wait too, for everybody would come too late.
LEAD = 3
RETRY_S = 0.1

NOT_FINAL = frozenset({pb.GAP, pb.UNDECIDED})


class Master:
    """Publishes without waiting for answers. What was not decided is sent again as the same bytes, in order."""

    def __init__(self, client: Client, publisher: Publisher, opened: pb.StreamOpened, symbol: str) -> None:
        self.client = client
        self.epoch = opened.epoch
        self.last_seq = opened.last_seq
        self.verdicts: Counter[str] = Counter()
        self.sent = 0
        self.ack_ms: list[float] = []
        self.rulings: Counter[str] = Counter()
        self.captured: deque[pb.SignedSignal] = deque(maxlen=WINDOW)
        self._publisher = publisher
        self._symbol = symbol
        self._undecided: dict[int, pb.SignedSignal] = {}
        self._on_the_way = 0
        self._rewinding = False
        self._pause_s = 0.0
        self._heard = 0
        self._room = asyncio.Event()

    def send(self, intent: Intent, time_us: int, *, is_lost: bool = False) -> int:
        """Publish the next signal and return its seq. `is_lost`: it never arrives."""
        self.last_seq += 1
        signed = sign(
            self._publisher.key,
            pb.Signal(
                stream_id=self._publisher.stream_id,
                epoch=self.epoch,
                seq=self.last_seq,
                action=intent.action,
                symbol=self._symbol,
                side=intent.side,
                position_id=intent.position_id,
                volume_e8=intent.volume,
                price_e8=intent.price,
                stop_loss_e8=intent.stop_loss,
                sent_at_us=time_us,
                magic=MAGIC,
            ),
        )
        self.captured.append(signed)
        self._undecided[self.last_seq] = signed
        if not is_lost and not self._rewinding:
            self._publish([signed])
        return self.last_seq

    def heard(self, seq: int) -> None:
        """A copier was told what to make of it."""
        self._heard = max(self._heard, seq)
        self._room.set()

    async def room(self) -> None:
        """Wait until less than a window of signals is undecided, and the foremost copier is near. When all of them are
        away, that takes no longer than until they are too late anyway."""
        await self._until(WINDOW)
        with suppress(TimeoutError):
            async with asyncio.timeout(TTL_MS / 1000):
                while self.last_seq - len(self._undecided) - self._heard > LEAD and not self.client.ended.done():
                    self._room.clear()
                    await self._room.wait()

    async def settle(self) -> None:
        """Wait until every signal has its verdict."""
        if not self._on_the_way:
            self._resend()
        await self._until(1)

    async def _until(self, fewer_than: int) -> None:
        while len(self._undecided) >= fewer_than and not self.client.ended.done():
            self._room.clear()
            await self._room.wait()

    def _publish(self, signals: list[pb.SignedSignal]) -> None:
        self.sent += len(signals)
        self._on_the_way += 1
        answer = self.client.publish(self._publisher.stream_id, signals)
        answer.add_done_callback(partial(self._acked, len(signals), time.perf_counter()))

    def _acked(self, count: int, started: float, answer: "asyncio.Future[pb.Ack]") -> None:
        self._on_the_way -= 1
        if answer.cancelled() or answer.exception() is not None:
            self.verdicts["UNDECIDED"] += count
            self._rewinding, self._pause_s = True, RETRY_S
        else:
            self._take(answer.result(), (time.perf_counter() - started) * 1000)
        if self._rewinding and not self._on_the_way and not self.client.ended.done():
            asyncio.get_running_loop().call_later(self._pause_s, self._resend)
        self._room.set()

    def _resend(self) -> None:
        self._rewinding = False
        self._pause_s = 0.0
        if self._undecided:
            self._publish(list(self._undecided.values()))

    def _take(self, ack: pb.Ack, took_ms: float) -> None:
        for seq, verdict, original in zip(ack.seqs, ack.verdicts, ack.originals, strict=True):
            self.verdicts[pb.Verdict.Name(verdict)] += 1
            if verdict in NOT_FINAL:
                self._rewinding = True
                self._pause_s = RETRY_S if verdict == pb.UNDECIDED else self._pause_s
            else:
                self.ack_ms.append(took_ms)
                self.rulings[pb.Verdict.Name(original)] += 1
                self._undecided.pop(seq, None)
