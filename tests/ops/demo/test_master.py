"""The master numbers without a hole, and sends again what was not decided: the same bytes, in order."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import pytest

from gateway import ecp_pb2 as pb
from ops.demo.cast import Publisher
from ops.demo.master import LEAD, WINDOW, Master
from ops.demo.strategy import Intent

if TYPE_CHECKING:
    from gateway.client import Client

PUBLISHER = Publisher(account_id=1, token="", stream="s", stream_id=7, key=bytes(32))
MOVE = Intent("MODIFY", "BUY", 1, 1, 1, 1)


class Wire:
    """A client whose answers the test gives."""

    def __init__(self) -> None:
        self.frames: list[list[pb.SignedSignal]] = []
        self.answers: list[asyncio.Future[pb.Ack]] = []
        self.news = asyncio.Event()
        self.ended: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def publish(self, stream_id: int, signals: Sequence[pb.SignedSignal]) -> "asyncio.Future[pb.Ack]":
        assert stream_id == PUBLISHER.stream_id
        self.frames.append(list(signals))
        self.answers.append(asyncio.get_running_loop().create_future())
        self.news.set()
        return self.answers[-1]

    async def sent(self, frame: int) -> list[int]:
        """The seqs of that frame, as soon as it was sent."""
        async with asyncio.timeout(60):
            while len(self.frames) <= frame:
                self.news.clear()
                await self.news.wait()
        return self.seqs(frame)

    def seqs(self, frame: int) -> list[int]:
        return [pb.Signal.FromString(one.signal).seq for one in self.frames[frame]]

    async def answer(self, frame: int, *verdicts: "pb.Verdict") -> None:
        self.answers[frame].set_result(pb.Ack(seqs=self.seqs(frame), verdicts=verdicts, originals=verdicts))
        await asyncio.sleep(0)


def master(wire: Wire) -> Master:
    return Master(cast("Client", wire), PUBLISHER, pb.StreamOpened(epoch=1, last_seq=0), "EURUSD")


async def test_signals_are_numbered_on_and_not_waited_for() -> None:
    wire = Wire()
    sender = master(wire)
    assert [sender.send(MOVE, 1) for _ in range(3)] == [1, 2, 3]
    assert [wire.seqs(frame) for frame in range(3)] == [[1], [2], [3]]
    for frame in range(3):
        await wire.answer(frame, pb.ACCEPTED)
    await asyncio.wait_for(sender.settle(), 60)
    assert (sender.sent, sender.verdicts, sender.rulings) == (3, {"ACCEPTED": 3}, {"ACCEPTED": 3})


async def test_a_lost_signal_is_sent_again_with_all_that_came_behind_it() -> None:
    wire = Wire()
    sender = master(wire)
    sender.send(MOVE, 1, is_lost=True)
    sender.send(MOVE, 2)
    sender.send(MOVE, 3)
    await wire.answer(0, pb.GAP)
    sender.send(MOVE, 4)  # while the way is not clear it only queues up
    assert len(wire.frames) == 2
    await wire.answer(1, pb.GAP)
    assert await wire.sent(2) == [1, 2, 3, 4]
    assert wire.frames[2][1:3] == [wire.frames[0][0], wire.frames[1][0]]
    await wire.answer(2, pb.ACCEPTED, pb.ACCEPTED, pb.STALE, pb.ACCEPTED)
    await asyncio.wait_for(sender.settle(), 60)
    assert sender.verdicts == {"GAP": 2, "ACCEPTED": 3, "STALE": 1}


async def test_a_loss_that_nothing_follows_is_made_good_when_it_settles() -> None:
    wire = Wire()
    sender = master(wire)
    sender.send(MOVE, 1, is_lost=True)
    settled = asyncio.create_task(sender.settle())
    assert await wire.sent(0) == [1]
    await wire.answer(0, pb.ACCEPTED)
    await asyncio.wait_for(settled, 60)


async def test_what_was_not_decided_is_sent_again_and_its_first_verdict_counts() -> None:
    wire = Wire()
    sender = master(wire)
    sender.send(MOVE, 1)
    await wire.answer(0, pb.UNDECIDED)
    settled = asyncio.create_task(sender.settle())
    assert await wire.sent(1) == [1]
    assert wire.frames[1] == wire.frames[0]
    wire.answers[1].set_result(pb.Ack(seqs=[1], verdicts=[pb.DUPLICATE], originals=[pb.ACCEPTED]))
    await asyncio.wait_for(settled, 60)
    assert sender.rulings == {"ACCEPTED": 1}


async def test_no_more_than_a_window_is_on_the_way() -> None:
    wire = Wire()
    sender = master(wire)
    for _ in range(WINDOW):
        sender.send(MOVE, 1)
    waiting = asyncio.create_task(sender.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    await wire.answer(0, pb.ACCEPTED)
    await asyncio.wait_for(waiting, 60)


async def test_bars_wait_for_the_foremost_copier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.demo.master.TTL_MS", 600_000)
    wire = Wire()
    sender = master(wire)
    for frame in range(LEAD + 2):
        sender.send(MOVE, 1)
        await wire.answer(frame, pb.ACCEPTED)
    waiting = asyncio.create_task(sender.room())
    await asyncio.sleep(0)
    sender.heard(1)
    await asyncio.sleep(0)
    assert not waiting.done()
    sender.heard(2)
    async with asyncio.timeout(60):
        await waiting


async def test_bars_wait_for_no_copier_longer_than_openings_live() -> None:
    wire = Wire()
    sender = master(wire)
    for frame in range(LEAD + 1):
        sender.send(MOVE, 1)
        await wire.answer(frame, pb.ACCEPTED)
    async with asyncio.timeout(60):
        await sender.room()
