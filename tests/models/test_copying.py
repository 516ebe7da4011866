"""Signals, decisions and reports against the reference, step by step, with everything that goes wrong on the way.

In full: pytest --hypothesis-profile=torture tests/models. A run is repeated with the --hypothesis-seed that it printed.
"""

import copy
import secrets
from collections import Counter
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from psycopg import Connection

from tests.db.plane import Copier, Delivery, Plane, Report, Signal, e8, microseconds
from tests.models.reference import RAISING, TRANSITIONS, Follower, Stream

SHORT = settings(
    max_examples=200, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)

# Streams are new in every example; the database is emptied before what is left of them makes it slow.
EXAMPLES_PER_DATABASE = 25

STREAM_LANE, COPIER_LANES = 1, (2, 3)


class Arrival(NamedTuple):
    """A signal to come, relative to where the stream stands when it does."""

    action: str
    position: int
    volume: Any
    step: int
    epoch: int
    age_us: int
    flaw: str


def mostly(ordinary: Any, *others: Any) -> st.SearchStrategy[Any]:
    """The first, often enough that most of what is built of several such choices is ordinary in all."""
    return st.sampled_from([ordinary] * 6 * len(others) + list(others))


ARRIVALS = st.builds(
    Arrival,
    action=st.sampled_from(["OPEN"] * 5 + ["PLACE", "MODIFY", "PARTIAL_CLOSE", "CLOSE", "CANCEL", "SNAPSHOT"]),
    position=st.integers(1, 6),
    volume=mostly("0.10", "0.30", "0.05", "0.01", "0.015", 0),
    step=mostly(1, 0, -1, 2),
    epoch=mostly(0, -1, 1),
    age_us=mostly(0, 499_999, 500_000, 500_001, -1_000_000, -1_000_001),
    flaw=mostly("none", "forged bit", "forged tag", "stranger"),
)
BATCHES = st.lists(ARRIVALS, min_size=1, max_size=6)
REPORTS = st.tuples(
    st.integers(0, 12),
    st.sampled_from(["EXECUTED"] * 4 + ["REJECTED", "FAILED"]),
    st.sampled_from([0, 0, 0, 1]),
    mostly("none", "no ticket", "stranger", "unknown"),
)


class Copying(RuleBasedStateMachine):
    """One master and three followers, two of them in one lane."""

    examples = 0

    def __init__(self, plane: Plane, doomed: Connection[Any]) -> None:
        super().__init__()
        # What this session does is never committed: the database died just before.
        self.doomed = doomed
        if Copying.examples % EXAMPLES_PER_DATABASE == 0:
            plane.reset()
        # What a failed example leaves behind would fail the next ones too: begin anew, unless this one ends well.
        self.number, Copying.examples = Copying.examples, 0
        self.plane = plane
        self.now_us = microseconds(plane.now)
        self.master = plane.master(lane=STREAM_LANE, rate=4, burst=8)
        wishes: list[tuple[int, dict[str, Any]]] = [
            (COPIER_LANES[0], {}),
            (COPIER_LANES[0], {"multiplier": "0.333", "ttl_ms": 300}),
            (COPIER_LANES[1], {"multiplier": "3", "volume_min": "0.06", "volume_max": "0.5"}),
        ]
        self.copiers = [plane.copier(self.master, lane=lane, **wish) for lane, wish in wishes]
        self.stream = Stream(self.master.session, self.now_us, ttl_us=500_000, rate=4, burst=8)
        self.followers = [
            Follower(
                copier.session,
                multiplier=Decimal(wish.get("multiplier", "1")),
                least=Decimal(wish.get("volume_min", "0.01")),
                most=Decimal(wish.get("volume_max", "100")),
                ttl_us=wish.get("ttl_ms", 500) * 1000,
            )
            for copier, (_, wish) in zip(self.copiers, wishes, strict=True)
        ]
        self.sent: list[Signal] = []
        self.reported: list[Report] = []
        self.former: list[Any] = [None]
        self.lost: list[str] = []

    # The master

    def arrive(self, stream: Stream, what: Arrival) -> Signal:
        signal = self.master.signal(
            what.action,
            what.position,
            seq=stream.last + what.step,
            epoch=stream.epoch + what.epoch,
            volume=what.volume,
            sent_us=self.now_us - what.age_us,
            book="[]" if what.action == "SNAPSHOT" else None,
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

    def ingest(self, signals: list[Signal], expected: list[Any]) -> None:
        found = [verdict[1:6] for verdict in self.plane.ingest(signals)]
        assert found == expected

    @rule(arrivals=BATCHES, in_a_halt=mostly(False, True))
    def signals_arrive(self, arrivals: list[Arrival], in_a_halt: bool = False) -> None:
        self.stream.halted = in_a_halt
        if in_a_halt:
            self.plane.halt(self.master.stream)
        signals, expected = [], []
        for what in arrivals:
            signals.append(self.arrive(self.stream, what))
            expected.append(self.stream.ingest(signals[-1]))
        self.sent += signals
        self.ingest(signals, expected)
        if in_a_halt:
            self.stream.halted = False
            self.plane.halt(self.master.stream, lift=True)

    @rule(arrivals=BATCHES)
    def signals_arrive_and_are_dispatched_at_once(self, arrivals: list[Arrival]) -> None:
        self.signals_arrive(arrivals)
        for lane in COPIER_LANES:
            self.a_lane_is_dispatched(lane)

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

    @rule(ms=st.sampled_from([1, 1, 10, 10, 100, 100, 300, 301, 500, 501, 2000, -1000]))
    def time_passes(self, ms: int) -> None:
        self.plane.tick(milliseconds=ms)
        self.now_us += ms * 1000
        self.stream.now_us = self.now_us

    # The followers

    def decide(self, followers: list[Follower], limit: int) -> list[tuple[Follower, int]]:
        """Move these followers of one lane on by so many signals; who was delivered what."""
        before = [len(follower.deliveries) for follower in followers]
        waiting = [place for place in self.stream.accepted if place > followers[0].cursor][:limit]
        for place in waiting:
            for follower in followers:
                follower.decide(place, self.stream.log[place], self.now_us)
                follower.cursor = place
        return [
            (follower, number)
            for follower, start in zip(followers, before, strict=True)
            for number in range(start, len(follower.deliveries))
        ]

    def of_lane(self, lane: int) -> list[Follower]:
        return [follower for follower, copier in zip(self.followers, self.copiers, strict=True) if copier.lane == lane]

    def copier_of(self, follower: Follower) -> Copier:
        return self.copiers[next(n for n, each in enumerate(self.followers) if each is follower)]

    def agrees(self, found: Delivery, follower: Follower, number: int) -> None:
        expected = follower.deliveries[number]
        assert found.subscription_id == self.copier_of(follower).subscription
        assert found.delivery_seq == number + 1
        assert (found.epoch, found.seq) == expected.place
        assert (found.action, found.position_id) == (expected.action, expected.position)
        assert found.volume_e8 == e8(str(expected.volume))
        assert found.expires_at_us == expected.expires_us

    def positions(self, lane: int) -> list[Any]:
        return [position for position in self.plane.routes(lane) if position.stream_id == self.master.stream]

    @rule(lane=st.sampled_from(COPIER_LANES), limit=mostly(100, 1, 2), again=mostly(False, True))
    def a_lane_is_dispatched(self, lane: int, limit: int = 100, again: bool = False) -> None:
        positions = self.positions(lane)
        fed = self.plane.feed(positions, limit)
        found = self.plane.dispatch(lane, positions, fed)
        expected = self.decide(self.of_lane(lane), limit)
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
            assert delivery.gap_fill == late

    def write_report(self, copier: Copier, follower: Follower, what: tuple[int, str, int, str]) -> Report:
        pick, status, odd, flaw = what
        delivery = pick % max(len(follower.deliveries), 1) + 1
        code = ["TRG04", "TRG03"][odd]
        report = copier.report(delivery, status, **({"ticket": 7 + odd} if status == "EXECUTED" else {"code": code}))
        # Never more than was decided: what lies about that is not an error of the plane.
        report = report.but(volume="0.01")
        match flaw:
            case "no ticket" if status == "EXECUTED":
                return report.but(ticket=0)
            case "stranger":
                return report.but(session=self.former[-1])
            case "unknown":
                return report.but(delivery=len(follower.deliveries) + 1 + odd)
        return report

    @precondition(lambda self: any(follower.deliveries for follower in self.followers[:2]))
    @rule(whats=st.lists(st.tuples(st.integers(0, 1), REPORTS), min_size=1, max_size=6))
    def followers_report(self, whats: list[tuple[int, tuple[int, str, int, str]]]) -> None:
        """Out of order, again, and differently; the followers of a lane together."""
        reports = [self.write_report(self.copiers[who], self.followers[who], what) for who, what in whats]
        expected = [self.followers[who].report(report) for (who, _), report in zip(whats, reports, strict=True)]
        self.reported += reports
        assert [verdict[1:] for verdict in self.plane.report(reports)] == expected

    @precondition(lambda self: self.followers[2].deliveries)
    @rule(whats=st.lists(REPORTS, min_size=1, max_size=3), dies=mostly(False, True))
    def the_far_follower_reports(self, whats: list[tuple[int, str, int, str]], dies: bool) -> None:
        copier, follower = self.copiers[2], self.followers[2]
        reports = [self.write_report(copier, follower, what) for what in whats]
        if dies:
            self.plane.report(reports, self.doomed)
            self.doomed.rollback()
        else:
            expected = [follower.report(report) for report in reports]
            assert [verdict[1:] for verdict in self.plane.report(reports)] == expected

    @precondition(lambda self: self.reported)
    @rule(pick=st.integers(0, 1000))
    def a_report_is_sent_again(self, pick: int) -> None:
        report = self.reported[pick % len(self.reported)]
        who = next(n for n, copier in enumerate(self.copiers) if copier.subscription == report.subscription)
        report = report.but(session=self.copiers[who].session)
        assert self.plane.report([report])[0][1:] == self.followers[who].report(report)

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
            assert answer["delivery_seq"] == len(follower.deliveries)

    @rule(who=st.integers(0, 2), cause=mostly("user_resume", "user_pause", "user_pause", "end"))
    def a_user_pauses_resumes_or_ends(self, who: int, cause: str) -> None:
        follower = self.followers[who]
        if to := TRANSITIONS.get((follower.state, cause)):
            assert self.plane.transition(self.copiers[who].subscription, cause) == to
            follower.state = to
            follower.ended_us = self.now_us if to == "ENDED" else None

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
                (select count(*) from signals.decisions as d
                 where d.lane = s.lane and d.subscription_id = s.subscription_id),
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
                len(follower.reasons),
                len(follower.reports),
            )
            for copier, follower in zip(self.copiers, self.followers, strict=True)
        ]

    def teardown(self) -> None:
        """Row by row, at the end."""
        self.all_signals_are_as_the_reference_has_them()
        for copier, follower in zip(self.copiers, self.followers, strict=True):
            self.all_of_a_follower_is_as_the_reference_has_it(copier, follower)
        behind = [f for f in self.followers if f.cursor < (self.stream.accepted[-1:] or [(1, 0)])[0]]
        failing = set(self.plane.verify()) - {"dispatch_has_caught_up"}
        assert failing == set()
        assert behind or self.caught_up()
        Copying.examples = self.number + 1

    def caught_up(self) -> bool:
        cursors = {(p.epoch, p.seq) for lane in COPIER_LANES for p in self.positions(lane)}
        return cursors == {(self.stream.accepted[-1:] or [(1, 0)])[0]}

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

    def all_of_a_follower_is_as_the_reference_has_it(self, copier: Copier, follower: Follower) -> None:
        reasons = self.plane.rows(
            "select epoch, seq, reason from signals.decisions where subscription_id = %s order by 1, 2",
            copier.subscription,
        )
        assert reasons == [(*place, reason) for place, reason in sorted(follower.reasons.items())]
        copies = self.plane.rows(
            "select position_id, status, ticket, master_volume, opened_volume, target_volume from signals.copies"
            " where subscription_id = %s order by 1",
            copier.subscription,
        )
        assert copies == [
            (position, each.status, each.ticket, each.master, each.opened, each.target)
            for position, each in sorted(follower.copies.items())
        ]
        codes = self.plane.rows(
            "select code from signals.protection_events where subscription_id = %s", copier.subscription
        )
        assert Counter(codes) == follower.events
        # What is delivered and not closed or refused is a position; nothing that raised exposure was decided twice.
        opened = [each.position for each in follower.deliveries if each.action in RAISING]
        assert len(opened) == len(set(opened)) == len(copies)


def test_the_plane_does_what_the_reference_does(shared_plane: Plane, pytestconfig: pytest.Config) -> None:
    given = pytestconfig.getoption("--hypothesis-seed")
    number = secrets.randbits(32) if given is None else int(given)
    print(f"--hypothesis-seed={number}")  # noqa: T201

    full = settings.get_current_profile_name() == "torture"
    Copying.examples = 0
    with shared_plane.connect("ecp_gateway") as doomed:
        doomed.autocommit = False

        def machine() -> Copying:
            return Copying(shared_plane, doomed)

        run_state_machine_as_test(seed(number)(machine), settings=settings() if full else SHORT)  # type: ignore[arg-type]
