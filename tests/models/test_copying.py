"""Signals, decisions and reports against the reference, step by step, with everything that goes wrong on the way.

In full: pytest --hypothesis-profile=torture tests/models. A run is repeated with the --hypothesis-seed that it printed.
"""

import copy
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from tests.db.plane import Plane, Report, Signal, held, microseconds
from tests.models.agreement import ALL, BOTH, COPIER_LANES, STREAM_LANE, Agreement
from tests.models.broker import Terminal
from tests.models.reference import RAISING, TRANSITIONS, Book, Follower, Settings, Stream

SHORT = settings(
    max_examples=80, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)


class Arrival(NamedTuple):
    """A signal to come, relative to where the stream stands when it does."""

    action: str
    position: int
    volume: Any
    stop_loss: str
    step: int
    epoch: int
    age_us: int
    flaw: str
    # Of a snapshot: what is not as the signals had it, by position; None: nothing.
    odd: dict[int, str] | None


def mostly(ordinary: Any, *others: Any) -> st.SearchStrategy[Any]:
    """The first, often enough that most of what is built of several such choices is ordinary in all."""
    return st.sampled_from([ordinary] * 12 * len(others) + list(others))


POSITIONS = st.integers(1, 5)
ODDITIES = st.sampled_from(["gone", "there", "less", "more", "stops", "side"])
ARRIVALS = st.builds(
    Arrival,
    action=st.sampled_from(
        ["OPEN"] * 6
        + ["PLACE"] * 2
        + ["MODIFY", "AMEND", "PARTIAL_CLOSE", "PARTIAL_CLOSE", "CLOSE", "CANCEL", "SNAPSHOT"]
    ),
    position=POSITIONS,
    volume=st.sampled_from(["0.10"] * 12 + ["0.30", "0.05"] * 4 + ["0.01", "0.015", 0]),
    stop_loss=st.sampled_from(["0", "1.05"]),
    step=mostly(1, 0, -1, 2),
    epoch=mostly(0, -1, 1),
    age_us=mostly(0, 499_999, 500_000, 500_001, -1_000_000, -1_000_001),
    flaw=mostly("none", "forged bit", "forged tag", "stranger"),
    odd=st.none() | st.dictionaries(POSITIONS, ODDITIES, max_size=3),
)
BATCHES = st.lists(ARRIVALS, min_size=1, max_size=6)
OUTCOMES = st.sampled_from(
    ["done"] * 12
    + ["partly", "too much", "refused", "failed", "failed, but filled"]
    + ["unanswered, done", "unanswered, not done", "unanswered, on its way"]
)
PICKS = st.lists(
    st.tuples(st.integers(0, 1000), mostly("none", "no ticket", "stranger", "unknown", "another's ticket", "twice")),
    min_size=1,
    max_size=4,
)
CHANGES: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"late_join": "NONE"}, {"late_join": "ALL"}, {"trades_per_day": 2}, {"trades_per_day": None},
        {"reverse": True}, {"reverse": False}, {"multiplier": "1.5"}, {"volume_min": "0.03"},
    ]
)  # fmt: skip


class Copying(Agreement):
    """What may happen, in any order."""

    # The master

    def arrive(self, stream: Stream, what: Arrival) -> Signal:
        signal = self.master.signal(
            what.action,
            what.position,
            seq=stream.last + what.step,
            epoch=stream.epoch + what.epoch,
            volume=what.volume,
            sent_us=self.now_us - what.age_us,
            side="SELL" if what.position % 3 == 0 else "BUY",
            stop_loss=what.stop_loss,
            take_profit="1.20",
            book=self.snapshot(stream, what.odd or {}) if what.action == "SNAPSHOT" else None,
        )
        match what.flaw:
            case "stranger":
                return signal.but(session=self.former[-1])
            case "forged tag":
                return signal.forged()
            case "forged bit":
                flipped = bytearray(signal.payload)
                flipped[-3] ^= 1
                return signal.but(given_payload=bytes(flipped), given_tag=signal.tag)
        return signal

    @staticmethod
    def snapshot(stream: Stream, odd: dict[int, str]) -> str:
        """The book as the signals have it, but for what is odd."""
        book, told = Book(), []
        for place in stream.accepted:
            book.follow(stream.log[place].signal)
        for number in sorted(book.keys() | {each for each, what in odd.items() if what == "there"}):
            position, what = book.get(number), odd.get(number)
            if position is None:
                told.append(held(number, "0.20", opened_at_us=stream.now_us))
            elif what != "gone":
                volume = {"less": "0.04", "more": "0.50"}.get(what or "", str(position.volume))
                side = {"BUY": "SELL", "SELL": "BUY"}[position.side] if what == "side" else position.side
                stop_loss = "1.01" if what == "stops" else str(position.stops[0])
                more = {
                    "stop_loss": stop_loss,
                    "take_profit": str(position.stops[1]),
                    "order_type": position.order_type,
                }
                told.append(held(number, volume, side=side, price=str(position.price), **more))
        return json.dumps(told)

    def ingest(self, signals: list[Signal], expected: list[Any]) -> None:
        found = [verdict[1:6] for verdict in self.plane.ingest(signals)]
        assert found == expected

    @rule(arrivals=BATCHES)
    def signals_arrive(self, arrivals: list[Arrival]) -> None:
        signals, expected = [], []
        for what in arrivals:
            signals.append(self.arrive(self.stream, what))
            expected.append(self.stream.ingest(signals[-1]))
        self.sent += signals
        self.ingest(signals, expected)

    @precondition(lambda self: self.sent)
    @rule(lift=mostly(True, False))
    def an_operator_halts_or_lifts(self, lift: bool) -> None:
        self.stream.halted = not lift
        (self.plane.lift_halt if lift else self.plane.halt)("STREAM", self.master.stream)

    @rule(score=mostly(100, 55, 50, 49, 0))
    def an_operator_resets_the_masters_trust(self, score: int) -> None:
        self.plane.reset_trust(self.master.account, "provider", score)
        self.stream.trust = score

    @rule(who=st.sampled_from(ALL), score=mostly(100, 55, 51, 49, 0))
    def an_operator_resets_a_followers_trust(self, who: int, score: int) -> None:
        self.plane.reset_trust(self.copiers[who].account, "subscriber", score)
        self.followers[who].trust = score
        self.followers[who].trust_settles()

    @rule(arrivals=BATCHES)
    def signals_arrive_and_are_dispatched_at_once(self, arrivals: list[Arrival]) -> None:
        self.signals_arrive(arrivals)
        for lane in COPIER_LANES:
            self.a_lane_is_dispatched(lane)

    @rule(arrivals=BATCHES, outcomes=st.lists(OUTCOMES, min_size=1, max_size=6))
    def all_is_as_on_a_good_day(self, arrivals: list[Arrival], outcomes: list[str]) -> None:
        """From the master to the brokers and back."""
        self.an_operator_resets_the_masters_trust(100)
        self.signals_arrive_and_are_dispatched_at_once(arrivals)
        for who in ALL:
            self.a_terminal_executes_and_reports(who, outcomes)

    @precondition(lambda self: self.sent)
    @rule(picks=st.lists(st.integers(0, 1000), min_size=1, max_size=5), other=mostly(False, True))
    def signals_are_sent_again(self, picks: list[int], other: bool) -> None:
        """The bytes of before, in any order; or other bytes under their numbers, well signed."""
        signals = [self.sent[pick % len(self.sent)].but(session=self.master.session) for pick in picks]
        if other:
            signals = [signal.but(magic=99, given_payload=None, given_tag=None) for signal in signals]
        self.ingest(signals, [self.stream.ingest(signal) for signal in signals])

    @rule(arrivals=BATCHES)
    def the_database_dies_before_it_commits_signals(self, arrivals: list[Arrival]) -> None:
        """No ack was sent, so nothing may be left; what comes again is as if it had never been."""
        stream = copy.deepcopy(self.stream)
        signals, expected = [], []
        for what in arrivals:
            signals.append(self.arrive(stream, what))
            expected.append(stream.ingest(signals[-1]))
        assert [verdict[1:6] for verdict in self.plane.ingest(signals, self.doomed)] == expected
        self.doomed.rollback()

    @rule(step=mostly(1, 0, -1, 3), forged=mostly(False, True), stranger=mostly(False, True))
    def the_master_resyncs(self, step: int, forged: bool, stranger: bool) -> None:
        session = self.former[-1] if stranger else self.master.session
        epoch = self.stream.epoch + step
        expected = self.stream.resync(session, epoch, forged=forged)
        change: dict[str, Any] = {"session": session} | ({"tag": bytes(32)} if forged else {})
        answer = self.master.resync(epoch, **change)
        assert answer["code"] == expected
        assert (answer["epoch"], answer["next_seq"]) == (self.stream.epoch, self.stream.last + 1)

    @rule(what=ARRIVALS)
    def the_master_reconnects(self, what: Arrival) -> None:
        """From the takeover on the old session is fenced; the new one may publish once it has opened the stream."""
        self.former.append(self.master.session)
        session = self.plane.open_session(self.master.license.token, b"master-instance0").session_id
        self.stream.session = None
        for between in (self.master.session, session):
            self.master.session = between
            signal = self.arrive(self.stream, what)
            self.ingest([signal], [self.stream.ingest(signal)])
        answer = self.master.open_stream()
        assert (answer["code"], answer["epoch"], answer["last_seq"]) == (None, self.stream.epoch, self.stream.last)
        self.stream.session = session

    @rule(ms=st.sampled_from([1, 1, 1, 10, 10, 100, 300, 301, 500, 501, 2000, 61_000, -1000]))
    def time_passes(self, ms: int) -> None:
        self.plane.tick(milliseconds=ms)
        self.it_is_now()

    def it_is_now(self) -> None:
        self.now_us = microseconds(self.plane.now)
        self.stream.now_us = self.now_us
        for follower in self.followers:
            follower.now_us = self.now_us

    # The followers

    def advance(self, lane: int, limit: int) -> list[tuple[Follower, int]]:
        """Move a lane on by so many signals; who was delivered what."""
        return self.delivered(self.lanes[lane].followers, lambda: self.lanes[lane].advance(self.stream, limit))

    @staticmethod
    def delivered(followers: list[Follower], act: Callable[[], object]) -> list[tuple[Follower, int]]:
        before = [len(follower.deliveries) for follower in followers]
        act()
        return [
            (follower, number)
            for follower, start in zip(followers, before, strict=True)
            for number in range(start, len(follower.deliveries))
        ]

    def positions(self, lane: int) -> list[Any]:
        return [position for position in self.plane.routes(lane) if position.stream_id == self.master.stream]

    @rule(lane=st.sampled_from(COPIER_LANES), limit=mostly(100, 1, 2), again=mostly(False, True))
    def a_lane_is_dispatched(self, lane: int, limit: int = 100, again: bool = False) -> None:
        positions = self.positions(lane)
        fed = self.plane.feed(positions, limit)
        found = sorted(self.plane.dispatch(lane, positions, fed), key=lambda each: each.subscription_id)
        expected = self.advance(lane, limit)
        assert len(found) == len(expected)
        for delivery, (follower, number) in zip(found, expected, strict=True):
            self.agrees(delivery, follower, number)
            assert not delivery.possible_duplicate
            assert not delivery.gap_fill
        if again:
            assert self.plane.dispatch(lane, positions, fed) == []

    @rule(lane=st.sampled_from(COPIER_LANES))
    def the_database_dies_before_it_commits_decisions(self, lane: int) -> None:
        positions = self.positions(lane)
        self.plane.dispatch(lane, positions, self.plane.feed(positions), self.doomed)
        self.doomed.rollback()

    @rule(who=st.integers(0, 2), after=st.integers(0, 5))
    def a_follower_asks_again(self, who: int, after: int) -> None:
        follower, copier = self.followers[who], self.copiers[who]
        found = self.plane.deliveries([copier], after=after)
        assert len(found) == max(len(follower.deliveries) - after, 0)
        for number, delivery in enumerate(found, start=after):
            self.agrees(delivery, follower, number)
            assert delivery.possible_duplicate
            late = 0 < follower.deliveries[number].expires_us < self.now_us
            # What was answered for good is not done again, and an order that may have been filled is not sent again.
            outcome = follower.outcome(number + 1)
            answered = outcome is not None and (outcome != "UNKNOWN" or delivery.action in RAISING)
            assert delivery.gap_fill == (late or answered)

    @rule(who=st.sampled_from(ALL), change=CHANGES)
    def a_follower_changes_its_settings(self, who: int, change: dict[str, Any]) -> None:
        follower = self.followers[who]
        follower.settings = Settings.of(change, follower.settings)
        self.plane.write_settings(self.copiers[who].subscription, **change)

    # The followers' terminals

    def work(self, who: int, outcomes: list[str], *, again: bool = False) -> None:
        """Execute so many of the deliveries that were not executed yet."""
        terminal = self.terminals[who]
        found = self.plane.deliveries([self.copiers[who]], after=terminal.processed, resend=again, limit=len(outcomes))
        for delivery, outcome in zip(found, outcomes, strict=False):
            terminal.execute(delivery, outcome)

    @rule(who=st.sampled_from(ALL), outcomes=st.lists(OUTCOMES, min_size=1, max_size=6), again=st.booleans())
    def a_terminal_executes(self, who: int, outcomes: list[str], again: bool) -> None:
        self.work(who, outcomes, again=again)

    @rule(who=st.sampled_from(ALL), outcomes=st.lists(OUTCOMES, min_size=1, max_size=6))
    def a_terminal_executes_and_reports(self, who: int, outcomes: list[str]) -> None:
        self.work(who, outcomes)
        self.say(self.write([who], [(0, "none")] * len(self.terminals[who].outbox)))

    @precondition(lambda self: any(terminal.doubts for terminal in self.terminals))
    @rule(pick=st.integers(0, 1000))
    def a_broker_answers_at_last(self, pick: int) -> None:
        doubtful = [terminal for terminal in self.terminals if terminal.doubts]
        terminal = doubtful[pick % len(doubtful)]
        terminal.outbox.append(terminal.doubts.pop(pick % len(terminal.doubts)))

    @precondition(lambda self: self.by_hand())
    @rule(pick=st.integers(0, 1000))
    def a_position_is_closed_by_hand(self, pick: int) -> None:
        """Or by its stop loss."""
        terminal, position = self.by_hand()[pick % len(self.by_hand())]
        terminal.close_by_hand(position)

    def by_hand(self) -> list[tuple[Terminal, int]]:
        """What was reported as opened: of what is gone before anybody heard of it, a book tells that it never was."""
        return [
            (terminal, position)
            for terminal, follower in zip(self.terminals, self.followers, strict=True)
            for number, (position, _, _) in terminal.fills.items()
            if position in terminal.holdings and follower.outcome(number) == "EXECUTED"
        ]

    @rule(who=st.sampled_from(ALL), wholly=st.booleans())
    def a_terminal_loses_its_state(self, who: int, wholly: bool) -> None:
        self.terminals[who].lose_state(wholly=wholly)

    @precondition(lambda self: any(terminal.flying for terminal in self.terminals))
    @rule()
    def what_is_on_its_way_is_filled(self) -> None:
        for terminal in self.terminals:
            terminal.land()

    def write(self, whos: list[int], picks: list[tuple[int, str]]) -> list[tuple[int, Report]]:
        """Of what is to be reported these, in this order; and something that is wrong about it."""
        written: list[tuple[int, Report]] = []
        for pick, flaw in picks:
            who = whos[pick % len(whos)]
            terminal, follower = self.terminals[who], self.followers[who]
            if not terminal.outbox:
                continue
            number = pick // len(whos) % len(terminal.outbox)
            report = terminal.outbox[number].but(session=self.copiers[who].session)
            # What is too late is no answer to what was sent; which of two it is, one batch need not tell.
            about = [each for its, each in written if its == who and each.delivery == report.delivery]
            if about and "TRG01" in {report.code, *(each.code for each in about)}:
                continue
            others = [
                each.ticket
                for position, each in follower.copies.items()
                if each.ticket and position != follower.deliveries[report.delivery - 1].position
            ]
            match flaw:
                case "no ticket" if report.status == "EXECUTED":
                    report = report.but(ticket=0)
                case "stranger":
                    report = report.but(session=self.former[-1])
                case "unknown":
                    report = report.but(delivery=len(follower.deliveries) + 1 + pick % 2)
                case "another's ticket" if report.status == "EXECUTED" and others and self.opens(who, report):
                    report = report.but(ticket=others[0])
                case "twice":
                    written.append((who, report))
                case _:
                    del terminal.outbox[number]
            written.append((who, report))
        return written

    def opens(self, who: int, report: Report) -> bool:
        return self.followers[who].deliveries[report.delivery - 1].action in RAISING

    def say(self, written: list[tuple[int, Report]]) -> None:
        if not written:
            return
        expected = [self.followers[who].report(report) for who, report in written]
        for who, _ in written:
            self.followers[who].reports_end()
        reports = [report for _, report in written]
        self.reported += reports
        assert [verdict[1:] for verdict in self.plane.report(reports)] == expected

    @precondition(lambda self: any(self.terminals[who].outbox for who in BOTH))
    @rule(picks=PICKS)
    def terminals_report(self, picks: list[tuple[int, str]]) -> None:
        """Out of order, again, and wrong; the followers of a lane together."""
        self.say(self.write(BOTH, picks))

    @precondition(lambda self: self.terminals[2].outbox)
    @rule(picks=PICKS, dies=mostly(False, True))
    def the_far_terminal_reports(self, picks: list[tuple[int, str]], dies: bool) -> None:
        if dies:
            reports = [each.but(session=self.copiers[2].session) for each in self.terminals[2].outbox]
            self.plane.report(reports, self.doomed)
            self.doomed.rollback()
        else:
            self.say(self.write([2], picks))

    @rule(who=st.sampled_from(ALL), stale=mostly(False, True))
    def a_terminal_sends_its_book(self, who: int, stale: bool = False) -> None:
        copier, follower, terminal = self.copiers[who], self.followers[who], self.terminals[who]
        session = self.former[-1] if stale else copier.session
        terminal.land()
        # So late that what the book does not show was not done.
        self.time_passes(60_000)
        answer = copier.books(*terminal.book(), last=terminal.processed, session=session)
        self.it_is_now()
        if session != follower.session or session is None:
            assert answer["code"] == "TRA06"
            return
        lane = self.lanes[copier.lane]
        expected = follower.reconcile(terminal.holdings, terminal.processed, lane.book)
        lane.catch_up(follower, self.stream)
        assert (answer["code"], answer["settled"], answer["differences"]) == (None, *expected)
        assert answer["delivery_seq"] == len(follower.deliveries)
        # What the broker holds is what the copies hold.
        held = {position: volume for position, volume in copier.holds().items() if volume > 0}
        assert held == {position: each.volume for position, each in terminal.holdings.items()}

    @rule(who=st.sampled_from(ALL))
    def a_follower_is_caught_up(self, who: int) -> None:
        copier, follower = self.copiers[who], self.followers[who]
        lane = self.lanes[copier.lane]
        expected = self.delivered([follower], lambda: lane.catch_up(follower, self.stream))
        found = copier.catches_up()
        assert len(found) == len(expected)
        for delivery, (_, number) in zip(found, expected, strict=True):
            self.agrees(delivery, follower, number)
        assert copier.catches_up() == []
        assert lane.catch_up(follower, self.stream) == 0

    @rule()
    def the_schedule_finds_drift(self) -> None:
        # So long that whatever was tried before is tried again.
        self.time_passes(1_000_000)
        self.plane.find_drift()
        for lane in self.lanes.values():
            for follower in lane.followers:
                if follower.is_due(self.now_us):
                    lane.catch_up(follower, self.stream)

    @precondition(lambda self: self.reported)
    @rule(pick=st.integers(0, 1000))
    def a_report_is_sent_again(self, pick: int) -> None:
        report = self.reported[pick % len(self.reported)]
        who = next(n for n, copier in enumerate(self.copiers) if copier.subscription == report.subscription)
        self.say([(who, report.but(session=self.copiers[who].session))])

    @rule(who=st.integers(0, 2), new=st.booleans(), stale=mostly(False, True), back=mostly(0, 1, 3, -1))
    def a_follower_resumes(self, who: int, new: bool, stale: bool, back: int) -> None:
        copier, follower = self.copiers[who], self.followers[who]
        last = max(len(follower.deliveries) - back, 0)
        if new:
            self.former.append(copier.session)
            copier.session = self.plane.open_session(copier.license.token, b"copier-instance0").session_id
            follower.session = None
        session = self.former[-1] if stale else copier.session
        answer = copier.resume(last, session=session)
        assert (answer["code"], answer["state"]) == follower.resume(session, copier.session, last)
        if answer["code"] is None:
            self.lanes[copier.lane].catch_up(follower, self.stream, resumes=True)
            assert answer["delivery_seq"] == len(follower.deliveries)

    @rule(who=st.integers(0, 2), cause=mostly("user_resume", "user_pause", "user_pause", "end"))
    def a_user_pauses_resumes_or_ends(self, who: int, cause: str) -> None:
        follower = self.followers[who]
        if to := TRANSITIONS.get((follower.state, cause)):
            assert self.plane.transition(self.copiers[who].subscription, cause) == to
            follower.state = to
            follower.ended_us = self.now_us if to == "ENDED" else None

    # The end

    def teardown(self) -> None:
        """What is left is done, honestly; then row by row."""
        self.all_comes_right()
        self.all_signals_are_as_the_reference_has_them()
        for copier, follower in zip(self.copiers, self.followers, strict=True):
            self.all_of_a_follower_is_as_the_reference_has_it(copier, follower)
        assert self.plane.verify() == {}
        Agreement.examples = self.number + 1

    def all_comes_right(self) -> None:
        """Everybody comes back, nothing is halted, all that was missed is wanted: the books end as they should."""
        self.an_operator_halts_or_lifts(lift=True)
        self.an_operator_resets_the_masters_trust(100)
        # However often the clock was set back: a book must be younger than what it answers.
        self.time_passes(60_000)
        for who, follower in enumerate(self.followers):
            self.an_operator_resets_a_followers_trust(who, 100)
            if follower.state == "PAUSED_BY_USER":
                self.a_user_pauses_resumes_or_ends(who, "user_resume")
            follower.settings = Settings.of({"late_join": "ALL", "trades_per_day": None}, follower.settings)
            self.plane.write_settings(self.copiers[who].subscription, late_join="ALL", trades_per_day=None)
            self.a_follower_resumes(who, new=False, stale=False, back=0)
        for lane in COPIER_LANES:
            self.a_lane_is_dispatched(lane)
        for who, follower in enumerate(self.followers):
            terminal = self.terminals[who]
            for _ in range(4):
                self.a_terminal_sends_its_book(who)
                if terminal.processed == len(follower.deliveries):
                    break
                self.work(who, ["done"] * len(follower.deliveries))
            assert terminal.processed == len(follower.deliveries)
            self.a_follower_is_caught_up(who)
            assert terminal.processed == len(follower.deliveries)
            self.it_holds_what_the_settings_want(terminal, follower, self.lanes[self.copiers[who].lane].book)


def test_the_plane_does_what_the_reference_does(shared_plane: Plane, drawn_seed: int) -> None:
    full = settings.get_current_profile_name() == "torture"
    Agreement.examples = 0
    with shared_plane.connect("ecp_gateway") as doomed:
        doomed.autocommit = False

        @seed(drawn_seed)
        class Machine(Copying):
            def __init__(self) -> None:
                super().__init__(shared_plane, doomed)

        run_state_machine_as_test(Machine, settings=settings() if full else SHORT)


def test_too_late_is_no_answer_to_what_was_sent(shared_plane: Plane) -> None:
    """A terminal that has lost its state is resent what it reported as UNKNOWN, and says that it is too late."""
    master = shared_plane.master(lane=STREAM_LANE)
    copier = shared_plane.copier(master, lane=COPIER_LANES[0], late_join="ALL")
    master.does("OPEN", 1)
    copier.receives()
    copier.reports(1, "UNKNOWN", code="TRG06")
    assert shared_plane.deliveries([copier])[0].gap_fill
    copier.reports(1, "REJECTED", code="TRG01")
    assert copier.catches_up() == []
    master.does("CLOSE", 1)
    assert [each.action for each in copier.receives()] == ["CLOSE"]


@pytest.mark.parametrize("together", [True, False])
def test_a_fill_that_is_reported_after_its_close_found_nothing_is_closed(shared_plane: Plane, together: bool) -> None:
    master = shared_plane.master(lane=STREAM_LANE)
    copier = shared_plane.copier(master, lane=COPIER_LANES[0])
    master.does("OPEN", 1)
    master.does("CLOSE", 1)
    copier.receives()
    reports = [copier.report(2, "REJECTED", code="TRG03"), copier.report(1)]
    for batch in [reports] if together else [[report] for report in reports]:
        shared_plane.report(batch)
    assert copier.holds() == {1: Decimal("0.10")}
    assert [each.action for each in copier.catches_up()] == ["CLOSE"]
