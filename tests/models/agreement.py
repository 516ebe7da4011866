"""What must hold between the plane and the reference, whatever happens."""

from collections import Counter
from typing import Any

import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant
from psycopg import Connection

from tests.db.plane import Copier, Delivery, Plane, Report, Signal, e8, microseconds
from tests.models.broker import Terminal
from tests.models.reference import CUTTING, RAISING, Book, Follower, Lane, Settings, Stream

# Streams are new in every example; the database is emptied before what is left of them makes it slow.
EXAMPLES_PER_DATABASE = 25

STREAM_LANE, COPIER_LANES = 1, (2, 3)
SET_BACK_US = 10_000_000  # as far as the clock may go back in an example, and more
BOTH = [0, 1]  # the followers of the first of these lanes
ALL = [0, 1, 2]

WISHES: list[tuple[int, dict[str, Any]]] = [
    (COPIER_LANES[0], {"late_join": "ALL"}),
    (COPIER_LANES[0], {"multiplier": "0.5", "ttl": "300 ms", "reverse": True, "late_join": "ALL"}),
    (COPIER_LANES[1], {"multiplier": "3", "volume_min": "0.06", "volume_max": "0.5", "trades_per_day": 3}),
]


class Agreement(RuleBasedStateMachine):
    """One master and three followers, two of them in one lane."""

    examples = 0

    def __init__(self, plane: Plane, doomed: Connection[Any]) -> None:
        super().__init__()
        # What this session does is never committed: the database died just before.
        self.doomed = doomed
        if Agreement.examples % EXAMPLES_PER_DATABASE == 0:
            plane.reset()
        # What a failed example leaves behind would fail the next ones too: begin anew, unless this one ends well.
        self.number, Agreement.examples = Agreement.examples, 0
        self.plane = plane
        self.now_us = microseconds(plane.now)
        self.master = plane.master(lane=STREAM_LANE, rate=4, burst=8)
        self.copiers = [plane.copier(self.master, lane=lane, **wish) for lane, wish in WISHES]
        self.stream = Stream(self.master.session, self.now_us, ttl_us=500_000, rate=4, burst=8)
        self.followers = [
            Follower(copier.session, Settings.of(wish), self.now_us, checked_us=self.now_us)
            for copier, (_, wish) in zip(self.copiers, WISHES, strict=True)
        ]
        for who in BOTH:
            self.copiers[who].uploads("EURUSD")
            self.followers[who].is_specified = True
        self.lanes = {lane: Lane(self.of_lane(lane)) for lane in COPIER_LANES}
        self.terminals = [Terminal(copier) for copier in self.copiers]
        self.sent: list[Signal] = []
        self.reported: list[Report] = []
        self.former: list[Any] = [None]
        self.lost: list[str] = []

    def of_lane(self, lane: int) -> list[Follower]:
        return [follower for follower, copier in zip(self.followers, self.copiers, strict=True) if copier.lane == lane]

    def copier_of(self, follower: Follower) -> Copier:
        return self.copiers[next(n for n, each in enumerate(self.followers) if each is follower)]

    def agrees(self, found: Delivery, follower: Follower, number: int) -> None:
        expected = follower.deliveries[number]
        assert found.subscription_id == self.copier_of(follower).subscription
        assert found.delivery_seq == number + 1
        assert (found.epoch, found.seq) == expected.place
        assert (found.action, found.position_id, found.side) == (expected.action, expected.position, expected.side)
        assert found.volume_e8 == e8(str(expected.volume))
        assert found.expires_at_us == expected.expires_us
        if expected.stops:
            assert (found.stop_loss_e8, found.take_profit_e8) == tuple(e8(str(stop)) for stop in expected.stops)

    # What always holds

    @invariant()
    def the_stream_stands_where_the_reference_does(self) -> None:
        head = self.plane.record("select * from signals.stream_heads where stream_id = %s", self.master.stream)
        assert (head["epoch"], head["last_seq"]) == (self.stream.epoch, self.stream.last)
        accepted = self.stream.accepted[-1:] or [(1, 0)]
        assert (head["accepted_epoch"], head["accepted_seq"]) == accepted[0]
        assert head["tokens"] == pytest.approx(self.stream.tokens)
        assert head["session_id"] == self.stream.session

    @invariant()
    def followers_stand_where_the_reference_does(self) -> None:
        rows = self.plane.rows(
            """
            select s.subscription_id, s.state, h.delivery_seq, h.session_id,
                coalesce(h.checked_at <= core.now() - interval '1 minute', true),
                (select count(*) from signals.decisions as d
                 where d.lane = s.lane and d.subscription_id = s.subscription_id and d.part = 0),
                (select count(*) from signals.reports as r
                 where r.lane = s.lane and r.subscription_id = s.subscription_id)
            from signals.subscriptions as s
            inner join signals.subscription_heads as h on h.lane = s.lane and h.subscription_id = s.subscription_id
            where s.stream_id = %s
            order by 1
            """,
            self.master.stream,
        )
        assert rows == [
            (
                copier.subscription,
                follower.state,
                len(follower.deliveries),
                follower.session,
                follower.is_unchecked(self.now_us),
                len(follower.reasons),
                len(follower.reports.keys() | follower.settled.keys()),
            )
            for copier, follower in zip(self.copiers, self.followers, strict=True)
        ]

    @invariant()
    def all_are_trusted_as_the_reference_has_them(self) -> None:
        rows = self.plane.rows("select account_id, score from trust.scores where score < 100 order by 1")
        known = {self.master.account: self.stream.trust}
        known |= {copier.account: each.trust for copier, each in zip(self.copiers, self.followers, strict=True)}
        found = {account: score for account, score in rows if account in known}
        assert found == {account: score for account, score in known.items() if score < 100}

    @invariant()
    def the_lanes_have_the_book_that_the_reference_has(self) -> None:
        rows = self.plane.rows(
            "select lane, position_id, side, order_type, volume, price, stop_loss, take_profit from signals.positions"
            " where stream_id = %s order by 1, 2",
            self.master.stream,
        )
        assert rows == [
            (number, position, each.side, each.order_type, each.volume, each.price, *each.stops)
            for number, lane in self.lanes.items()
            for position, each in sorted(lane.book.items())
        ]

    @invariant()
    def copies_are_as_the_reference_has_them(self) -> None:
        rows = self.plane.rows(
            "select subscription_id, position_id, status, side, held_volume, target_volume, pending, ticket,"
            " is_reversed and status in ('DELIVERED', 'OPEN', 'CLOSING')"
            " from signals.copies where stream_id = %s order by 1, 2",
            self.master.stream,
        )
        assert rows == [
            (copier.subscription, position, each.status, each.side, each.held, each.target, each.pending, each.ticket,
             each.is_reversed and each.is_live)
            for copier, follower in zip(self.copiers, self.followers, strict=True)
            for position, each in sorted(follower.copies.items())
        ]  # fmt: skip

    @invariant()
    def what_the_master_has_left_is_being_closed(self) -> None:
        """The rule that outranks the others: what is held of it was told to be closed, and that is not over."""
        for terminal, follower in zip(self.terminals, self.followers, strict=True):
            book = next(lane for lane in self.lanes.values() if follower in lane.followers).book
            for position in terminal.holdings.keys() - book.keys():
                told = [
                    number
                    for number, each in enumerate(follower.deliveries, start=1)
                    if each.position == position and each.action in ("CLOSE", "CANCEL")
                ]
                # What only a snapshot tells is left to the schedule, which comes to it at once.
                assert told or follower.is_unchecked(self.now_us + SET_BACK_US), (
                    f"position {position} was never told to be closed"
                )
                answered = all(follower.outcome(number) in ("EXECUTED", "REJECTED", "FAILED") for number in told)
                known = follower.copies[position].held > 0
                assert follower.copies[position].is_live or not answered or not known

    @invariant()
    def nothing_is_opened_twice(self) -> None:
        for terminal in self.terminals:
            assert max(terminal.opened.values(), default=0) <= 1, terminal.opened

    # At the end

    @staticmethod
    def it_holds_what_the_settings_want(terminal: Terminal, follower: Follower, book: Book) -> None:
        held = {position: each.volume for position, each in terminal.holdings.items()}
        assert held.keys() <= book.keys(), "what the master has left is closed"
        if follower.ended_us is not None:
            return
        for position in book:
            told = []
            for each in follower.deliveries:
                if each.position == position and each.action in RAISING:
                    told = [each.volume]  # of the last attempt; what was told about those before it is over
                elif each.position == position and each.action in CUTTING:
                    told.append(each.volume)
            filled = terminal.ever_filled(position)
            if position in terminal.by_hand or 0 in told:
                assert position not in held
            elif filled:
                assert held[position] == min(filled, *told)
            else:
                assert follower.copies[position].status in ("REFUSED", "SKIPPED")

    def all_signals_are_as_the_reference_has_them(self) -> None:
        rows = self.plane.rows(
            "select epoch, seq, verdict, code, payload, tag from signals.signals where stream_id = %s order by 1, 2",
            self.master.stream,
        )
        assert rows == [
            (*place, entry.verdict, entry.code, entry.signal.payload, entry.signal.tag)
            for place, entry in sorted(self.stream.log.items())
        ]
        codes = self.plane.rows(
            "select code from signals.protection_events where stream_id = %s and subscription_id is null",
            self.master.stream,
        )
        assert Counter(codes) == self.stream.events
        for number, lane in self.lanes.items():
            differences = self.plane.differences(lane=number, stream_id=self.master.stream, origin="MASTER")
            assert differences == lane.differences

    def all_of_a_follower_is_as_the_reference_has_it(self, copier: Copier, follower: Follower) -> None:
        reasons = self.plane.rows(
            "select epoch, seq, reason from signals.decisions where subscription_id = %s and part = 0 order by 1, 2",
            copier.subscription,
        )
        assert reasons == [(*place, reason) for place, reason in sorted(follower.reasons.items())]
        declined = self.plane.rows(
            "select epoch, seq, position_id from signals.decisions"
            " where subscription_id = %s and reason = 'LATE_JOIN' order by 1, 2, 3",
            copier.subscription,
        )
        assert declined == sorted((*place, position) for place, position in follower.declined)
        copies = self.plane.rows(
            "select position_id, master_volume, opened_volume, stop_loss, take_profit from signals.copies"
            " where subscription_id = %s and status in ('DELIVERED', 'OPEN', 'CLOSING') order by 1",
            copier.subscription,
        )
        assert copies == [
            (position, each.master, each.opened, *each.stops)
            for position, each in sorted(follower.copies.items())
            if each.is_live
        ]
        reports = self.plane.rows(
            "select delivery_seq, status, settled_by from signals.reports where subscription_id = %s order by 1",
            copier.subscription,
        )
        assert reports == [
            (number, follower.outcome(number), "SNAPSHOT" if number in follower.settled else None)
            for number in sorted(follower.reports.keys() | follower.settled.keys())
        ]
        codes = self.plane.rows(
            "select code from signals.protection_events where subscription_id = %s", copier.subscription
        )
        assert Counter(codes) == follower.events
