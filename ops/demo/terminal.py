"""A subscriber's expert advisor: takes deliveries, executes them at its broker, reports, and tells how it stands.

Its own state is the last delivery processed of each subscription and the reports that were not acked. Everything else
is in the broker's history, where it is found again when the state was lost.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from gateway import ecp_pb2 as pb
from gateway.client import Client, Disconnected, Refusal
from ops.demo import guard
from ops.demo.broker import PaperBroker
from ops.demo.execution import Execution
from ops.demo.market import Moment
from ops.demo.tally import Tally

# What the plane could not decide on (database away) is said again, word for word.
RETRY_S = 0.1
# No frame of reports may be longer than the gateway takes.
REPORTS = 200
# So many of the last orders are reported again by a terminal that cannot know whether it has done so.
RECALLED = 200
# What a book does not show is in doubt for so long. A terminal that has lost its state shows its book again after that:
# it cannot know of an order that was on its way.
DOUBT_US = 30_000_000
# A delivery older than this is no live one.
LIVE_US = 1_000_000


@dataclass(frozen=True)
class Habits:
    """How a terminal is. `compressed`: its market is played faster than copies travel, so what comes live gets the
    prices of the moment of its signal (ops.demo.market)."""

    compressed: bool = False
    reads_history: bool = True  # on a lost answer; otherwise it leaves that to its book
    loses: int | None = None  # the delivery that it does not see at first
    hangs_every: int | None = None  # of the openings, and so long:
    hangs_s: float = 0.0


FAITHFUL = Habits()


class Arrived(NamedTuple):
    """A delivery, and the plane time (µs) at which it was read off the connection."""

    delivery: pb.Delivery
    at_us: int


class Following(guard.Sequence):
    """A subscription, as far as the terminal has come with it."""

    def __init__(self, subscription_id: int) -> None:
        super().__init__()
        self.subscription_id = subscription_id
        self.resending = False
        self.newest = 0  # that the plane has spoken of
        # The book is to be told as soon as so many deliveries are processed; None: it is not.
        self.book_after: int | None = None

    @property
    def idle(self) -> bool:
        return self.book_after is None and self.last >= self.newest


class Terminal:
    """The subscriptions of one portfolio, over one real TCP connection at a time; lives longer than its connections."""

    def __init__(
        self,
        token: str,
        port: int,
        broker: PaperBroker,
        subscriptions: Iterable[int],
        habits: Habits = FAITHFUL,
        on_signal: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`on_signal` is told the seq of every signal that a delivery comes of, as it arrives."""
        self.broker = broker
        self.execution = Execution(broker)
        self.follows = {number: Following(number) for number in subscriptions}
        self.tally = Tally()
        self.portfolio_id = 0
        self.refusals: list[Refusal] = []
        self.died = asyncio.Event()
        self._token = token
        self._port = port
        self._habits = habits
        self._on_signal = on_signal
        self._instance = secrets.token_bytes(16)
        self._client: Client | None = None
        self._arrived: deque[Arrived] = deque()
        self._unacked: dict[tuple[int, int], pb.Report] = {}
        self._recalled: set[tuple[int, int]] = set()
        self._work_due, self._book_due, self._quiet = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._openings = 0
        self._dies_at: Callable[[pb.Delivery], bool] | None = None
        self._heartbeat_s = 1.0
        self._is_up = False
        self._lost = False
        self._forgot_at_us: int | None = None

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
        """Connect, or come back: resume after the last delivery processed, say again what was not acked, tell the rest.

        Raises Refusal, Disconnected.
        """
        client = self._client = await Client.connect(
            "127.0.0.1", self._port, self._token, instance=self._instance, on_deliveries=self._received
        )
        self._heartbeat_s = client.welcome.heartbeat_ms / 1000
        for following in self.follows.values():
            subscribed = await client.subscribe(following.subscription_id, following.last)
            self.portfolio_id = subscribed.portfolio_id
            following.newest = following.book_after = subscribed.delivery_seq
        await client.specifications(self.portfolio_id, self._specifications())
        await self._state()
        self._is_up = True
        self._answered(is_beat=True)
        self._report(list(self._unacked.values()))
        self._see()

    def disconnect(self) -> None:
        """Vanish without a word, as a terminal does that loses its network."""
        self.client.abort()
        self._client, self._is_up = None, False
        self._arrived.clear()
        self.tally.resumed += 1

    async def restart(self, *, lose_state: bool) -> None:
        """Be ended, if that has not happened yet, and come back: with its state, or with nothing but the token."""
        if self.connected:
            self.disconnect()
        if lose_state:
            self.execution = Execution(self.broker)
            self.follows = {number: Following(number) for number in self.follows}
            # The book settles what was before the newest order. A net position cannot, so all is asked for again.
            if self.broker.mode == "HEDGING":
                for number, following in self.follows.items():
                    following.last = self.execution.books.newest(number)
            # What of this was reported already, is once more.
            recalled = self.execution.recall(RECALLED)
            self._unacked = {(report.subscription_id, report.delivery_seq): report for report in recalled}
            self._recalled = set(self._unacked)
        await self.connect()
        if lose_state:
            self._forgot_at_us = self.client.plane_time_us()

    def die_at(self, condition: Callable[[pb.Delivery], bool]) -> None:
        """Vanish once a delivery was executed of which this is true, before it is reported; sets `died`."""
        self._dies_at = condition
        self.died.clear()

    async def newest(self, subscription_id: int) -> int:
        """The newest delivery that exists, by the plane's word; `quiet` waits for it."""
        following = self.follows[subscription_id]
        answer = await self.client.resend(subscription_id, following.last)
        following.newest = max(following.newest, answer.delivery_seq)
        return answer.delivery_seq

    @property
    def last(self) -> int:
        """Deliveries processed, of all subscriptions."""
        return sum(following.last for following in self.follows.values())

    @property
    def idle(self) -> bool:
        """Whether everything that arrived was executed, every report acked, and no book is to be told."""
        return not self._arrived and not self._unacked and all(of.idle for of in self.follows.values())

    @property
    def is_waiting(self) -> bool:
        """Whether a book is to be told after the next heartbeat, which settles the orders that have no answer."""
        return (
            not self._arrived
            and not self._unacked
            and bool(self.execution.unanswered)
            and not self._book_settles
            and any(of.book_after is not None for of in self.follows.values())
        )

    async def quiet(self) -> None:
        """Wait until it is idle. What is still on its way here it cannot know of."""
        while not self.idle:
            self._quiet.clear()
            await self._quiet.wait()

    # Work

    async def run(self) -> None:
        """Execute what arrives, in order, and tell at every heartbeat how the account stands; until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._work())
            tasks.create_task(self._attend())

    async def _work(self) -> None:
        """Whatever is there is reported in one frame."""
        while True:
            await self._work_due.wait()
            self._work_due.clear()
            reports = []
            while self._arrived:
                arrived = self._arrived.popleft()
                if self._is_next(arrived.delivery) and await self._survives_hang(arrived.delivery):
                    reports += self._process(arrived)
            self._report(reports)
            self._see()

    def _received(self, deliveries: Sequence[pb.Delivery]) -> None:
        now = self.client.plane_time_us()
        self._arrived.extend(Arrived(delivery, now) for delivery in deliveries)
        self._work_due.set()
        self._on_signal(max(delivery.seq for delivery in deliveries))

    def _is_next(self, delivery: pb.Delivery) -> bool:
        """Whether to process it; asks for a resend where something is missing."""
        following = self.follows[delivery.subscription_id]
        place = following.place(delivery.delivery_seq)
        if place == "next" and delivery.delivery_seq == self._habits.loses and not self._lost:
            self._lost = True
            return False
        if place == "hole" and not following.resending:
            self.tally.holes += 1
            following.resending = True
            self.client.request(
                pb.Resend(subscription_id=following.subscription_id, last_processed=following.last)
            ).add_done_callback(lambda answer: answer.cancelled() or answer.exception())
        if place == "next":
            following.resending = False
        return place == "next"

    def _process(self, arrived: Arrived) -> list[pb.Report]:
        """Execute; the report, after those of earlier orders that were answered meanwhile."""
        delivery = arrived.delivery
        self.follows[delivery.subscription_id].last = delivery.delivery_seq
        now = self.client.plane_time_us()
        is_live = not delivery.possible_duplicate and now - delivery.sent_at_us < LIVE_US
        market_us = delivery.sent_at_us if is_live and self._habits.compressed else now
        self.execution.look(market_us)
        reports = self._answered()
        report = self.execution.execute(delivery, Moment(market_us, now))
        report.received_at_us = arrived.at_us
        reports.append(report)
        self._unacked[delivery.subscription_id, delivery.delivery_seq] = report
        is_telling = is_live and not self._habits.hangs_every
        self.tally.note(delivery, report, took_us=now - delivery.sent_at_us if is_telling else None)
        if self._dies_at is not None and self._dies_at(delivery):
            self._dies_at = None
            self.disconnect()
            self.died.set()
        return reports

    def _answered(self, *, is_beat: bool = False) -> list[pb.Report]:
        """Of orders without an answer, those that the history knows by now, and at a heartbeat the others too, if the
        book cannot settle them."""
        reports = self.execution.answered() if self._habits.reads_history else []
        if is_beat and not self._book_settles:
            reports += self.execution.abandoned()
        self._unacked |= {(report.subscription_id, report.delivery_seq): report for report in reports}
        return reports

    @property
    def _book_settles(self) -> bool:
        """A net position does not tell which of several orders was done: there the history has the last word."""
        return self.broker.mode == "HEDGING" or not self._habits.reads_history

    async def _survives_hang(self, delivery: pb.Delivery) -> bool:
        """Some terminals stand still for a moment, just when something is to be opened; false if it was ended then."""
        if self._habits.hangs_every and delivery.action == pb.OPEN:
            self._openings += 1
            if self._openings % self._habits.hangs_every == 0:
                client = self._client
                await asyncio.sleep(self._habits.hangs_s)
                return self._client is client
        return True

    # How it stands

    async def pulse(self) -> None:
        """What a heartbeat brings: the account's state, late answers, and the book where it is not as was reported."""
        if not self._habits.compressed:
            self.execution.look(self.client.plane_time_us())
        self._report(self._answered(is_beat=True))
        doubted = {key.subscription_id for key in self.execution.books.untold}
        doubted |= {of.subscription_id for of in self.execution.unanswered.values()}
        if self._forgot_at_us is not None and self.client.plane_time_us() >= self._forgot_at_us + DOUBT_US:
            self._forgot_at_us = None
            doubted |= self.follows.keys()
        for number in doubted & self.follows.keys():
            following = self.follows[number]
            if following.book_after is None:
                following.book_after = following.last
        await self._state()
        self._see()

    async def send_book(self, subscription_id: int) -> pb.BookAck:
        """All that is held for the subscription: settles what the plane does not know."""
        following = self.follows[subscription_id]
        holdings = self.execution.holdings(subscription_id)
        self.execution.books.told(subscription_id)
        unanswered = [number for number in self.execution.unanswered if number[0] == subscription_id]
        try:
            ack = await self.client.book(subscription_id, following.last, holdings)
        finally:
            following.book_after = None
        # What is too fresh to be settled stays in doubt, and the next heartbeat shows the book again.
        if self._book_settles and ack.settled >= len(unanswered):
            for number in unanswered:
                self.execution.unanswered.pop(number, None)
        following.newest = max(following.newest, ack.delivery_seq)
        return ack

    async def _attend(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._heartbeat_s):  # wait_for can lose a cancellation
                    await self._book_due.wait()
            is_beat = not self._book_due.is_set()
            self._book_due.clear()
            try:
                if is_beat and self._is_up:
                    await self.pulse()
                for number in [number for number in self.follows if self._is_book_due(number)]:
                    await self.send_book(number)
            except Disconnected:
                pass  # connect() tells it all again
            except Refusal as refusal:
                self.refusals.append(refusal)
            self._see()

    def _see(self) -> None:
        """Whether there is something to tell, or nothing more to do."""
        if any(map(self._is_book_due, self.follows)):
            self._book_due.set()
        if self.idle:
            self._quiet.set()

    def _is_book_due(self, subscription_id: int) -> bool:
        """Not before what was processed is on record: a book and a report that overtake each other contradict."""
        following = self.follows[subscription_id]
        return (
            self._is_up
            and not self.client.ended.done()
            and following.book_after is not None
            and following.last >= following.book_after
            and not any(number == subscription_id for number, _ in self._unacked)
            and (self._book_settles or not self.execution.unanswered)
        )

    async def _state(self) -> None:
        now, books = self.client.plane_time_us(), self.execution.books
        await self.client.account_state(
            self.portfolio_id,
            balance_e8=self.broker.balance,
            equity_e8=self.broker.equity(now),
            broker_time_us=now + self.broker.clock_offset_us,
            subscriptions=[
                pb.SubscriptionState(
                    subscription_id=number,
                    last_processed=following.last,
                    profit_e8=books.profits[number] + books.floating(number, now),
                )
                for number, following in self.follows.items()
            ],
        )

    def _specifications(self) -> list[pb.Specification]:
        return [
            pb.Specification(
                symbol=one.symbol,
                digits=one.digits,
                contract_size_e8=one.contract_size,
                volume_min_e8=one.volume_min,
                volume_max_e8=one.volume_max,
                volume_step_e8=one.volume_step,
                tick_size_e8=one.tick_size,
                tick_value_e8=one.tick_value,
                base_currency=one.base_currency,
                profit_currency=one.profit_currency,
                trade_mode=one.trade_mode,
            )
            for one in self.broker.instruments.values()
        ]

    # Reports

    def _report(self, reports: Sequence[pb.Report]) -> None:
        for first in range(0, len(reports), REPORTS):
            some = reports[first : first + REPORTS]
            if self._client is not None:
                self._client.report(some).add_done_callback(partial(self._acked, some))

    def _acked(self, reports: Sequence[pb.Report], answer: "asyncio.Future[pb.ReportAck]") -> None:
        again = reports
        if not answer.cancelled() and answer.exception() is None:
            again = []
            for report, verdict in zip(reports, answer.result().verdicts, strict=True):
                self.tally.verdicts[pb.ReportVerdict.Name(verdict)] += 1
                if verdict == pb.REPORT_UNDECIDED:
                    again.append(report)
                elif self._is_unacked(report):
                    key = report.subscription_id, report.delivery_seq
                    del self._unacked[key]
                    self.tally.recovered += key in self._recalled and verdict == pb.RECORDED
        # Over a connection that is gone nothing is said again: connect() does that.
        again = [report for report in again if self._is_unacked(report)]
        if again and self._client is not None and not self._client.ended.done():
            asyncio.get_running_loop().call_later(RETRY_S, self._report, again)
        self._see()

    def _is_unacked(self, report: pb.Report) -> bool:
        """Not so for what another report has replaced, or for what was before the state was lost."""
        return self._unacked.get((report.subscription_id, report.delivery_seq)) is report
