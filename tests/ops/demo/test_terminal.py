"""The terminal executes each delivery once and in order, reports it until that is acked, and tells its book in time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from gateway import ecp_pb2 as pb
from gateway.client import Client
from ops.demo.bars import E8
from ops.demo.broker import PaperBroker
from ops.demo.faults import Fault
from ops.demo.instrument import Instrument
from ops.demo.market import Market
from ops.demo.terminal import DOUBT_US, FAITHFUL, REPORTS, Habits, Terminal

FIRST, SECOND = 9, 8  # subscriptions
HEARTBEAT_MS = 20


class Plane:
    """A connection to nobody: what the terminal says is kept, and reports are answered by the test unless `acks`."""

    def __init__(self) -> None:
        self.acks = True
        self.newest = 0
        self.resumed_after: list[tuple[int, int]] = []
        self.resends: list[int] = []
        self.reported: list[list[pb.Report]] = []
        self.answers: list[asyncio.Future[pb.ReportAck]] = []
        self.books: list[tuple[int, int, list[pb.Holding]]] = []
        self.states: list[dict[str, Any]] = []
        self.specifications_sent: list[pb.Specification] = []
        self.said = asyncio.Event()
        self.on_deliveries: Any = None
        self.time_us = 100
        self.welcome = pb.Welcome(heartbeat_ms=HEARTBEAT_MS)
        self.ended: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def connect(self, *_: object, on_deliveries: Any, **__: object) -> "Plane":
        self.on_deliveries = on_deliveries
        return self

    async def subscribe(self, subscription_id: int, last_processed: int) -> pb.Subscribed:
        self.resumed_after.append((subscription_id, last_processed))
        return pb.Subscribed(subscription_id=subscription_id, delivery_seq=self.newest, portfolio_id=5)

    async def specifications(self, portfolio_id: int, specifications: list[pb.Specification]) -> None:
        assert portfolio_id == 5
        self.specifications_sent = specifications

    async def account_state(self, portfolio_id: int, **state: Any) -> None:
        assert portfolio_id == 5
        self.states.append(state)
        self.said.set()

    async def book(self, subscription_id: int, last_processed: int, holdings: list[pb.Holding]) -> pb.BookAck:
        self.books.append((subscription_id, last_processed, holdings))
        self.said.set()
        return pb.BookAck(subscription_id=subscription_id, settled=len(holdings), delivery_seq=self.newest)

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
        if self.acks:
            self.ack(*[pb.RECORDED] * len(reports))
        return self.answers[-1]

    def ack(self, *verdicts: "pb.ReportVerdict") -> None:
        self.answers[-1].set_result(pb.ReportAck(verdicts=verdicts))

    async def deliver(self, *deliveries: pb.Delivery) -> None:
        self.newest = max(self.newest, *(delivery.delivery_seq for delivery in deliveries))
        self.on_deliveries(deliveries)
        for _ in range(5):
            await asyncio.sleep(0)

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for what the terminal says."""
        async with asyncio.timeout(60):
            while not condition():
                self.said.clear()
                await self.said.wait()

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
async def start(plane: Plane) -> AsyncIterator[Callable[..., Any]]:
    """Starts terminals; they are ended with the test."""
    async with asyncio.TaskGroup() as tasks:
        working = []

        async def start(habits: Habits = FAITHFUL, subscriptions: Sequence[int] = (FIRST,)) -> Terminal:
            terminal = Terminal("token", 1, broker(), subscriptions, habits)
            await terminal.connect()
            working.append(tasks.create_task(terminal.run()))
            return terminal

        yield start
        for task in working:
            task.cancel()
    assert plane.on_deliveries


@pytest.fixture
async def terminal(start: Callable[..., Any]) -> Terminal:
    found: Terminal = await start()
    return found


def broker() -> PaperBroker:
    market = Market()
    market.tick(1, E8)
    return PaperBroker([Instrument("EURUSD", market, 2000, base_currency="EUR", profit_currency="USD")])


def delivery(seq: int, action: "pb.Action", **fields: Any) -> pb.Delivery:
    found = pb.Delivery(
        subscription_id=FIRST, delivery_seq=seq, epoch=1, seq=seq, action=action, side=pb.BUY, position_id=1,
        symbol="EURUSD", volume_e8=E8, price_e8=E8, sent_at_us=50, expires_at_us=500 if action == pb.OPEN else 0,
    )  # fmt: skip
    for name, value in fields.items():
        setattr(found, name, value)
    return found


async def test_a_trade_from_opening_to_close_is_executed_and_reported(plane: Plane, terminal: Terminal) -> None:
    await plane.deliver(delivery(1, pb.OPEN), delivery(2, pb.MODIFY, stop_loss_e8=7))
    (held,) = terminal.broker.positions.values()
    assert (held.volume, held.stop_loss) == (E8, 7)
    await plane.deliver(delivery(3, pb.PARTIAL_CLOSE, volume_e8=E8 // 4), delivery(4, pb.CLOSE))
    assert terminal.broker.positions == {}
    assert plane.outcomes == [(n, "EXECUTED", "") for n in (1, 2, 3, 4)]
    assert {report.ticket for frame in plane.reported for report in frame} == {held.ticket}


async def test_it_says_what_its_broker_trades_how_it_stands_and_what_it_holds(plane: Plane, terminal: Terminal) -> None:
    await plane.until(lambda: plane.books)
    (said,) = plane.specifications_sent
    assert (said.symbol, said.digits, said.contract_size_e8, said.tick_size_e8) == ("EURUSD", 5, 100_000 * E8, 1000)
    assert (said.base_currency, said.profit_currency, said.tick_value_e8) == ("EUR", "USD", E8)
    assert plane.books == [(FIRST, 0, [])]
    assert plane.states[0]["balance_e8"] == plane.states[0]["equity_e8"] == terminal.broker.balance
    await plane.deliver(delivery(1, pb.OPEN))
    terminal.broker.clock_offset_us = 7
    plane.states.clear()
    await plane.until(lambda: plane.states)
    state = plane.states[0]
    cost = -2000 * 100_000
    assert (state["equity_e8"] - state["balance_e8"], state["broker_time_us"]) == (cost, plane.time_us + 7)
    (one,) = state["subscriptions"]
    assert (one.subscription_id, one.last_processed, one.profit_e8) == (FIRST, 1, cost)


async def test_a_delivery_that_comes_again_is_not_executed_again(plane: Plane, terminal: Terminal) -> None:
    await plane.deliver(delivery(1, pb.OPEN))
    await plane.deliver(delivery(1, pb.OPEN, possible_duplicate=True))
    assert len(terminal.broker.positions) == 1
    assert plane.outcomes == [(1, "EXECUTED", "")]


async def test_behind_a_hole_nothing_is_executed_until_it_was_filled(plane: Plane, terminal: Terminal) -> None:
    await plane.deliver(delivery(2, pb.MODIFY), delivery(3, pb.CLOSE))
    assert plane.resends == [0]
    assert plane.outcomes == []
    await plane.deliver(delivery(1, pb.OPEN), delivery(2, pb.MODIFY), delivery(3, pb.CLOSE))
    assert plane.outcomes == [(n, "EXECUTED", "") for n in (1, 2, 3)]
    await plane.deliver(delivery(5, pb.OPEN))
    assert plane.resends == [0, 3]
    assert terminal.tally.holes == 2


async def test_a_gap_fill_is_counted_and_not_executed(plane: Plane, terminal: Terminal) -> None:
    await plane.deliver(pb.Delivery(subscription_id=FIRST, delivery_seq=1, gap_fill=True), delivery(2, pb.CLOSE))
    assert (terminal.last, terminal.broker.positions) == (2, {})
    assert plane.outcomes == [(1, "REJECTED", "TRG01"), (2, "REJECTED", "TRG03")]


async def test_subscriptions_on_one_connection_are_counted_each(plane: Plane, start: Callable[..., Any]) -> None:
    both: Terminal = await start(subscriptions=(FIRST, SECOND))
    assert plane.resumed_after == [(FIRST, 0), (SECOND, 0)]
    await plane.deliver(delivery(1, pb.OPEN), delivery(1, pb.OPEN, subscription_id=SECOND), delivery(2, pb.CLOSE))
    assert [(number, of.last) for number, of in both.follows.items()] == [(FIRST, 2), (SECOND, 1)]
    await plane.until(lambda: len(plane.books) >= 2)
    assert len(both.execution.holdings(SECOND)) == 1
    assert both.execution.holdings(FIRST) == []


async def test_reports_are_said_again_word_for_word_until_they_are_acked(plane: Plane, terminal: Terminal) -> None:
    plane.acks = False
    await plane.deliver(delivery(1, pb.OPEN), delivery(2, pb.MODIFY))
    said = plane.reported[0]
    plane.ack(pb.RECORDED, pb.REPORT_UNDECIDED)
    await asyncio.sleep(0)
    assert not terminal.idle

    terminal.disconnect()
    await terminal.connect()
    assert plane.resumed_after == [(FIRST, 0), (FIRST, 2)]
    assert plane.reported[1] == said[1:]
    plane.ack(pb.REPORT_DUPLICATE)
    async with asyncio.timeout(60):
        await terminal.quiet()


async def test_a_report_that_could_not_be_decided_is_said_again_by_itself(plane: Plane, terminal: Terminal) -> None:
    plane.acks = False
    await plane.deliver(delivery(1, pb.OPEN), delivery(2, pb.MODIFY))
    plane.ack(pb.RECORDED, pb.REPORT_UNDECIDED)
    await plane.until(lambda: len(plane.reported) > 1)
    assert plane.reported[1] == plane.reported[0][1:]
    plane.ack(pb.RECORDED)
    async with asyncio.timeout(60):
        await terminal.quiet()


async def test_no_frame_of_reports_is_too_long(plane: Plane, terminal: Terminal) -> None:
    assert terminal.connected
    await plane.deliver(*[delivery(seq, pb.MODIFY) for seq in range(1, 2 * REPORTS + 2)])
    assert [len(frame) for frame in plane.reported] == [REPORTS, REPORTS, 1]


async def test_the_book_is_told_when_all_that_was_processed_is_on_record(plane: Plane, terminal: Terminal) -> None:
    await plane.until(lambda: plane.books)
    plane.acks = False
    terminal.disconnect()
    plane.newest = 2
    await terminal.connect()
    await plane.deliver(delivery(1, pb.OPEN), delivery(2, pb.MODIFY))
    plane.states.clear()
    await plane.until(lambda: plane.states)
    assert len(plane.books) == 1
    plane.ack(pb.RECORDED, pb.RECORDED)
    await plane.until(lambda: len(plane.books) == 2)
    (_, last, (holding,)) = plane.books[1]
    assert (last, holding.position_id, holding.delivery_seq, holding.volume_e8) == (2, 1, 1, E8)


async def test_killed_before_its_reports_it_finds_all_again_at_the_broker(
    plane: Plane, start: Callable[..., Any]
) -> None:
    mortal: Terminal = await start()
    mortal.die_at(lambda found: found.delivery_seq == 2)
    burst = [delivery(seq, pb.OPEN, position_id=seq) for seq in (1, 2, 3)]
    await plane.deliver(*burst)
    assert mortal.died.is_set()
    assert (len(mortal.broker.positions), plane.outcomes) == (2, [])
    await mortal.restart(lose_state=True)
    assert plane.resumed_after[-1] == (FIRST, 2)
    await plane.deliver(burst[2])
    assert plane.outcomes == [(n, "EXECUTED", "") for n in (1, 2, 3)]
    assert mortal.tally.recovered == 2
    assert len(mortal.broker.positions) == 3
    await plane.until(lambda: plane.books[-1][1] == 3)
    assert [holding.delivery_seq for holding in plane.books[-1][2]] == [1, 2, 3]


async def test_killed_with_its_state_on_disk_it_goes_on_where_it_was(plane: Plane, start: Callable[..., Any]) -> None:
    mortal: Terminal = await start()
    mortal.die_at(lambda found: found.delivery_seq == 2)
    await plane.deliver(delivery(1, pb.OPEN), delivery(2, pb.MODIFY), delivery(3, pb.CLOSE))
    await mortal.restart(lose_state=False)
    assert plane.resumed_after[-1] == (FIRST, 2)
    assert plane.outcomes == [(1, "EXECUTED", ""), (2, "EXECUTED", "")]


async def test_a_lost_answer_is_reported_unknown_and_again_when_it_was_found(plane: Plane, terminal: Terminal) -> None:
    await plane.until(lambda: plane.books)
    terminal.broker.inject(Fault.ANSWER_LOST)
    await plane.deliver(delivery(1, pb.OPEN))
    await plane.until(lambda: len(plane.reported) > 1)
    assert plane.outcomes == [(1, "UNKNOWN", "TRG06"), (1, "EXECUTED", "")]


async def test_or_it_is_left_to_the_book(plane: Plane, start: Callable[..., Any]) -> None:
    silent: Terminal = await start(Habits(reads_history=False))
    await plane.until(lambda: plane.books)
    silent.broker.inject(Fault.ANSWER_LOST)
    await plane.deliver(delivery(1, pb.OPEN))
    await plane.until(lambda: len(plane.books) > 1)
    assert plane.outcomes == [(1, "UNKNOWN", "TRG06")]
    assert [holding.delivery_seq for holding in plane.books[1][2]] == [1]
    assert not silent.execution.unanswered


async def test_who_lost_its_state_shows_its_book_again_once_nothing_can_be_on_its_way(
    plane: Plane, terminal: Terminal
) -> None:
    await plane.until(lambda: plane.books)
    await terminal.restart(lose_state=True)
    await plane.until(lambda: len(plane.books) == 2)
    plane.time_us += DOUBT_US - 1
    await terminal.pulse()
    assert not any(following.book_after is not None for following in terminal.follows.values())
    plane.time_us += 1
    await terminal.pulse()
    await plane.until(lambda: len(plane.books) == 3)


async def test_what_the_market_did_is_told_by_the_next_book(plane: Plane, terminal: Terminal) -> None:
    await plane.until(lambda: plane.books)
    await plane.deliver(delivery(1, pb.OPEN, stop_loss_e8=E8 - 50_000))
    plane.time_us += 10
    terminal.broker.instruments["EURUSD"].market.tick(plane.time_us, E8 - 60_000)
    await plane.until(lambda: len(plane.books) > 1)
    assert plane.books[1] == (FIRST, 1, [])
