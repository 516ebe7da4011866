"""The copier executes each delivery once and in order, reports it until that is acked, and never drops a close."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from gateway import ecp_pb2 as pb
from gateway.client import Client
from ops.demo.bars import E8
from ops.demo.broker import PaperBroker
from ops.demo.cast import FOLLOWERS, Follower
from ops.demo.copier import Copier
from ops.demo.market import Market

PLAIN = replace(FOLLOWERS[0], breaks=False)


class Plane:
    """A connection to nobody: what the copier says is kept, and answered by the test."""

    def __init__(self) -> None:
        self.resumed_after: list[int] = []
        self.resends: list[int] = []
        self.reported: list[list[pb.Report]] = []
        self.answers: list[asyncio.Future[pb.ReportAck]] = []
        self.said = asyncio.Event()
        self.on_deliveries: Any = None
        self.time_us = 100
        self.ended: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def connect(self, *_: object, on_deliveries: Any, **__: object) -> "Plane":
        self.on_deliveries = on_deliveries
        return self

    async def subscribe(self, _: int, last_processed: int) -> None:
        self.resumed_after.append(last_processed)

    def plane_time_us(self) -> int:
        return self.time_us

    def abort(self) -> None:
        pass

    def request(self, resend: pb.Resend) -> "asyncio.Future[Any]":
        self.resends.append(resend.last_processed)
        return asyncio.get_running_loop().create_future()

    def report(self, reports: Sequence[pb.Report]) -> "asyncio.Future[pb.ReportAck]":
        self.reported.append(list(reports))
        self.said.set()
        self.answers.append(asyncio.get_running_loop().create_future())
        return self.answers[-1]

    def ack(self, *verdicts: "pb.ReportVerdict") -> None:
        self.answers[-1].set_result(pb.ReportAck(verdicts=verdicts))

    async def deliver(self, *deliveries: pb.Delivery) -> None:
        self.on_deliveries(deliveries)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    @property
    def outcomes(self) -> list[tuple[int, str, str]]:
        reports = [report for frame in self.reported for report in frame]
        return [(one.delivery_seq, pb.Status.Name(one.status), one.code) for one in reports]


@pytest.fixture
async def plane(monkeypatch: pytest.MonkeyPatch) -> Plane:
    found = Plane()
    monkeypatch.setattr(Client, "connect", found.connect)
    return found


@pytest.fixture
async def copier(plane: Plane) -> AsyncIterator[Copier]:
    async with asyncio.TaskGroup() as tasks:
        found = make(refuses_every=None)
        await found.connect()
        working = tasks.create_task(found.run())
        yield found
        working.cancel()
    assert plane.on_deliveries


def make(follower: Follower = PLAIN, *, refuses_every: int | None) -> Copier:
    market = Market()
    market.tick(1, E8, 0)
    broker = PaperBroker("b", market, point=1000, spread=2000, refuses_every=refuses_every)
    return Copier(follower, 9, "token", 1, broker)


def delivery(seq: int, action: "pb.Action", **fields: Any) -> pb.Delivery:
    found = pb.Delivery(
        subscription_id=9, delivery_seq=seq, epoch=1, seq=seq, action=action, side=pb.BUY, position_id=1,
        volume_e8=E8, price_e8=E8, sent_at_us=50, expires_at_us=500 if action == pb.OPEN else 0,
    )  # fmt: skip
    for name, value in fields.items():
        setattr(found, name, value)
    return found


async def test_a_trade_from_opening_to_close_is_executed_and_reported(plane: Plane, copier: Copier) -> None:
    await plane.deliver(delivery(1, pb.OPEN), delivery(2, pb.MODIFY, stop_loss_e8=7))
    (held,) = copier.broker.book.values()
    assert (held.volume, held.stop_loss) == (E8, 7)
    await plane.deliver(delivery(3, pb.PARTIAL_CLOSE, volume_e8=E8 // 4))
    assert held.volume == E8 // 4
    await plane.deliver(delivery(4, pb.CLOSE))
    assert (copier.broker.book, copier.tickets) == ({}, {})
    assert plane.outcomes == [(n, "EXECUTED", "") for n in (1, 2, 3, 4)]
    assert {report.ticket for frame in plane.reported for report in frame} == {held.ticket}


async def test_a_delivery_that_comes_again_is_not_executed_again(plane: Plane, copier: Copier) -> None:
    await plane.deliver(delivery(1, pb.OPEN))
    await plane.deliver(delivery(1, pb.OPEN, possible_duplicate=True))
    assert len(copier.broker.book) == 1
    assert plane.outcomes == [(1, "EXECUTED", "")]


async def test_behind_a_hole_nothing_is_executed_until_it_was_filled(plane: Plane, copier: Copier) -> None:
    await plane.deliver(delivery(2, pb.MODIFY), delivery(3, pb.CLOSE))
    assert plane.resends == [0]
    assert plane.outcomes == []
    await plane.deliver(delivery(1, pb.OPEN), delivery(2, pb.MODIFY), delivery(3, pb.CLOSE))
    assert plane.outcomes == [(n, "EXECUTED", "") for n in (1, 2, 3)]
    await plane.deliver(delivery(5, pb.OPEN))
    assert plane.resends == [0, 3]
    assert copier.holes == 2


async def test_a_gap_fill_is_counted_and_not_executed(plane: Plane, copier: Copier) -> None:
    await plane.deliver(pb.Delivery(subscription_id=9, delivery_seq=1, gap_fill=True), delivery(2, pb.CLOSE))
    assert copier.sequence.last == 2
    assert copier.broker.book == {}
    assert plane.outcomes == [(1, "REJECTED", "TRG01"), (2, "REJECTED", "TRG03")]


async def test_an_opening_is_refused_once_and_a_close_is_asked_for_until_it_is_done(plane: Plane) -> None:
    stubborn = make(refuses_every=2)
    await stubborn.connect()
    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(stubborn.run())
        await plane.deliver(delivery(1, pb.OPEN), delivery(2, pb.CLOSE), delivery(3, pb.OPEN, position_id=2))
        assert stubborn.retries == 1
        await plane.deliver(delivery(4, pb.OPEN, position_id=3))
        working.cancel()
    assert plane.outcomes[:2] == [(1, "EXECUTED", ""), (2, "EXECUTED", "")]
    assert {code for _, status, code in plane.outcomes if status == "FAILED"} == {"TRG04"}
    assert len(stubborn.tickets) == 1


async def test_reports_are_said_again_word_for_word_until_they_are_acked(plane: Plane, copier: Copier) -> None:
    await plane.deliver(delivery(1, pb.OPEN), delivery(2, pb.MODIFY))
    said = plane.reported[0]
    plane.ack(pb.RECORDED, pb.REPORT_UNDECIDED)
    await asyncio.sleep(0)
    assert not copier.idle

    copier.disconnect()
    await copier.connect()
    assert plane.resumed_after == [0, 2]
    assert plane.reported[1] == said[1:]
    plane.ack(pb.REPORT_DUPLICATE)
    await asyncio.sleep(0)
    assert copier.idle


async def test_a_report_that_could_not_be_decided_is_said_again_by_itself(plane: Plane, copier: Copier) -> None:
    await plane.deliver(delivery(1, pb.OPEN), delivery(2, pb.MODIFY))
    plane.ack(pb.RECORDED, pb.REPORT_UNDECIDED)
    plane.said.clear()
    async with asyncio.timeout(5):
        await plane.said.wait()
    assert plane.reported[1] == plane.reported[0][1:]
    plane.ack(pb.RECORDED)
    await asyncio.sleep(0)
    assert copier.idle
