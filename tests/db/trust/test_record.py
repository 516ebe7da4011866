"""Points: what moves a score, by how much, and what is kept of it."""

from typing import Any

import pytest

from tests.db.plane import Copier, Master, Plane
from tests.db.plane.values import microseconds

pytestmark = pytest.mark.core

# From the domain, not from the table.
POINTS = {
    ("provider", "TRS01"): -50,
    ("provider", "TRS02"): -20,
    ("provider", "TRS03"): -40,
    ("provider", "TRS04"): -5,
    ("provider", "RECOVERED"): 10,
    ("subscriber", "EXECUTED"): 1,
    ("subscriber", "TRG01"): -5,
    ("subscriber", "TRG02"): -3,
    ("subscriber", "RECOVERED"): 10,
}


def score(plane: Plane, account: int) -> int | None:
    """Null: nothing was ever held against it."""
    found: int | None = plane.value("select max(score) from trust.scores where account_id = %s", account)
    return found


def chain(plane: Plane, account: int) -> list[tuple[str, int, int]]:
    """Code, score before and after, of everything that moved this account's score."""
    return plane.rows(
        "select code, score_before, score_after from trust.events where account_id = %s order by event_id", account
    )


def test_the_rules_are_those_of_the_domain(plane: Plane) -> None:
    rules = plane.rows("select role, code, points from trust.rules where points <> 0 and code !~ '^[A-Z]+_|^BURST$'")
    assert {(role, code): points for role, code, points in rules} == POINTS


class TestProvider:
    def test_what_is_accepted_leaves_no_trace(self, plane: Plane, master: Master) -> None:
        master.send(*[master.signal("OPEN") for _ in range(5)])
        assert (
            plane.rows("select account_id from trust.scores") == plane.rows("select event_id from trust.events") == []
        )

    @pytest.mark.parametrize(
        ("code", "after"), [("TRS01", 50), ("TRS02", 80), ("TRS03", 60), ("TRS04", 95), ("TRS05", None)]
    )
    def test_an_incident_costs_its_points(self, plane: Plane, master: Master, code: str, after: int | None) -> None:
        first = master.signal("OPEN")
        master.send(first)
        incident = {
            "TRS01": first.but(magic=9),
            "TRS02": master.signal("OPEN", seq=9),
            "TRS03": first.forged(),
            "TRS04": master.signal("OPEN", sent_us=0),
            "TRS05": master.signal("OPEN", sent_us=first.sent_us or 0)
            if code != "TRS05"
            else master.signal("OPEN", sent_us=(first.sent_us or 0) + 2_000_000),
        }[code]
        if code in ("TRS04", "TRS05"):
            incident = incident.but(seq=2)
        plane.tick(seconds=0.1)
        assert master.send(incident)[0].code == code
        assert score(plane, master.account) == after

    @pytest.mark.parametrize(("received_ms_ago", "after"), [(500, None), (101, None), (99, 95), (0, 95), (-5_000, 95)])
    def test_how_long_the_plane_let_a_signal_wait_is_not_held_against_its_master(
        self, plane: Plane, master: Master, received_ms_ago: int, after: int | None
    ) -> None:
        now = microseconds(plane.now)
        late = master.signal("OPEN", sent_us=now - 600_000, received_us=now - received_ms_ago * 1000)
        assert master.send(late)[0].code == "TRS04"
        assert score(plane, master.account) == after

    def test_an_event_says_what_where_who_and_when(self, plane: Plane, master: Master) -> None:
        master.does("OPEN")
        plane.tick(seconds=3)
        master.send(master.signal("CLOSE", 1).forged())
        event = plane.record("select * from trust.events")
        known = {
            "lane": master.lane, "account_id": master.account, "role": "provider", "code": "TRS03", "points": -40,
            "score_before": 100, "score_after": 60, "stream_id": master.stream, "subscription_id": None, "epoch": 1,
            "seq": 2, "actor": "signals.ingest", "reason": None, "occurred_at": plane.now,
        }  # fmt: skip
        assert {name: event[name] for name in known} == known
        assert plane.record("select last_incident_at, changed_at from trust.scores") == {
            "last_incident_at": plane.now,
            "changed_at": plane.now,
        }

    def test_a_gap_costs_once_however_often_it_is_hit(self, plane: Plane, master: Master) -> None:
        for seq in (5, 6, 7):
            master.does("OPEN", seq=seq)
        master.send(*[master.signal("OPEN", seq=seq) for seq in (8, 9)])
        assert score(plane, master.account) == 80
        master.does("OPEN", seq=1)
        master.does("OPEN", seq=5)
        assert score(plane, master.account) == 60

    @pytest.mark.parametrize("together", [False, True])
    def test_incidents_add_up_in_order_and_never_under_nothing(
        self, plane: Plane, master: Master, together: bool
    ) -> None:
        first = master.signal("OPEN")
        wrong = [first, first.forged(), master.signal("OPEN", seq=9), first.but(magic=1), first.but(magic=2)]
        for batch in [wrong] if together else [[each] for each in wrong]:
            master.send(*batch)
        assert chain(plane, master.account) == [("TRS03", 100, 60), ("TRS02", 60, 40), ("TRS01", 40, 0)]
        assert score(plane, master.account) == 0

    def test_at_nothing_an_incident_leaves_no_event_but_its_time(self, plane: Plane, master: Master) -> None:
        signal = master.signal("OPEN")
        master.send(signal.forged(), signal.forged(), signal.forged())
        plane.tick(hours=1)
        master.send(signal.forged())
        assert len(chain(plane, master.account)) == 3
        assert plane.value("select last_incident_at from trust.scores") == plane.now

    @pytest.mark.parametrize("session", ["nobody", "another's"])
    def test_whoever_does_not_publish_the_stream_moves_nothing(
        self, plane: Plane, master: Master, session: str
    ) -> None:
        stranger = plane.master().session if session == "another's" else None
        first = master.signal("OPEN")
        master.send(first)
        foreign: list[dict[str, Any]] = [{"magic": 1}, {"seq": 9}, {"given_tag": bytes(32)}, {"epoch": 0}]
        answers = master.send(*[first.but(session=stranger, **change) for change in foreign])
        assert {answer.code for answer in answers} == {"TRA06"}
        master.resync(2, session=stranger, tag=bytes(32))
        assert plane.rows("select score from trust.scores") == []

    def test_a_forged_resync_is_a_forged_signature(self, plane: Plane, master: Master) -> None:
        assert master.resync(2, tag=bytes(32))["code"] == "TRS03"
        assert chain(plane, master.account) == [("TRS03", 100, 60)]
        assert plane.value("select actor from trust.events") == "signals.resync"

    def test_the_score_is_kept_where_the_stream_is(self, plane: Plane) -> None:
        account = plane.account("provider", lane=1)
        here, there = (plane.master(account=account, lane=lane) for lane in (2, 3))
        here.send(here.signal("OPEN").forged())
        there.send(there.signal("OPEN", seq=9))
        assert plane.rows("select lane, score from trust.scores order by 1") == [(2, 60), (3, 80)]

    def test_streams_of_a_lane_share_one_score(self, plane: Plane, master: Master) -> None:
        other = plane.master(account=master.account, lane=master.lane)
        plane.ingest([master.signal("OPEN").forged(), other.signal("OPEN").forged()])
        assert chain(plane, master.account) == [("TRS03", 100, 60), ("TRS03", 60, 20)]


class TestGate:
    def test_under_fifty_nothing_raises_exposure_and_all_else_passes(self, master: Master) -> None:
        master.does("OPEN", 1)
        signal = master.signal("OPEN", seq=1)
        master.send(signal.forged(), signal.forged())
        for action in ("OPEN", "PLACE"):
            assert master.does(action, 2)[1:4] == ("NOT_ALLOWED", "NOT_ALLOWED", "TRS38")
        for action in ("MODIFY", "PARTIAL_CLOSE", "CLOSE", "CANCEL", "AMEND"):
            assert master.does(action, 1, volume="0.05").verdict == "ACCEPTED", action

    def test_at_fifty_it_still_trades(self, plane: Plane, master: Master) -> None:
        signal = master.signal("OPEN")
        master.send(signal, signal.but(magic=1))
        assert score(plane, master.account) == 50
        assert master.does("OPEN").verdict == "ACCEPTED"

    def test_it_stops_what_follows_the_incident_in_the_same_batch(self, master: Master) -> None:
        first, second, third = (master.signal("OPEN") for _ in range(3))
        batch = [first, second.forged(), second, third.forged(), third, master.signal("CLOSE", 1)]
        assert [(each.verdict, each.code) for each in master.send(*batch)] == [
            ("ACCEPTED", None), ("BAD_SIGNATURE", "TRS03"), ("ACCEPTED", None), ("BAD_SIGNATURE", "TRS03"),
            ("NOT_ALLOWED", "TRS38"), ("ACCEPTED", None),
        ]  # fmt: skip

    def test_it_stops_the_other_streams_of_the_provider_and_nobody_elses(self, plane: Plane, master: Master) -> None:
        own, other = plane.master(account=master.account, lane=master.lane), plane.master(lane=master.lane)
        signal = master.signal("OPEN")
        batch = [own.signal("OPEN"), signal.forged(), signal.forged(), own.signal("OPEN"), other.signal("OPEN")]
        assert [each.verdict for each in plane.ingest(batch)] == [
            "ACCEPTED", "BAD_SIGNATURE", "BAD_SIGNATURE", "NOT_ALLOWED", "ACCEPTED",
        ]  # fmt: skip
        assert own.does("OPEN").code == "TRS38"

    def test_who_is_gated_pays_for_no_age_and_spends_no_tokens(self, plane: Plane) -> None:
        master = plane.master(rate=1, burst=2)
        signal = master.signal("OPEN")
        master.send(signal.forged(), signal.forged(), signal, *[master.signal("OPEN", sent_us=0) for _ in range(3)])
        assert score(plane, master.account) == 20
        plane.reset_trust(master.account, "provider")
        assert [each.verdict for each in master.send(*[master.signal("OPEN") for _ in range(3)])] == [
            "ACCEPTED",
            "ACCEPTED",
            "RATE_LIMITED",
        ]

    def test_it_keeps_its_place_and_its_verdict(self, plane: Plane, master: Master) -> None:
        signal = master.signal("OPEN")
        master.send(signal.forged(), signal.forged(), signal)
        plane.reset_trust(master.account, "provider")
        assert master.send(signal)[0][1:5] == ("DUPLICATE", "NOT_ALLOWED", "TRS38", 2)


class TestSubscriber:
    @pytest.fixture
    def opened(self, master: Master, copier: Copier) -> Copier:
        """A copier that was delivered thirty openings."""
        master.send(*[master.signal("OPEN", position) for position in range(1, 31)])
        copier.receives()
        return copier

    def test_what_is_executed_leaves_no_trace(self, plane: Plane, opened: Copier) -> None:
        for number in range(1, 4):
            opened.reports(number, ticket=number)
        assert plane.rows("select score from trust.scores where score < 100") == []
        assert chain(plane, opened.account) == []

    @pytest.mark.parametrize(
        ("code", "after"),
        [("TRG01", 95), ("TRG02", 97), ("TRG03", 100), ("TRG04", 100), ("TRG05", 100), ("TRG07", 100)],
    )
    def test_a_refusal_by_the_guard_costs_its_points(self, plane: Plane, opened: Copier, code: str, after: int) -> None:
        opened.reports(1, "REJECTED", code=code)
        assert score(plane, opened.account) == after

    @pytest.mark.parametrize("status", ["FAILED", "UNKNOWN"])
    def test_what_its_broker_did_is_not_its_guards(self, plane: Plane, opened: Copier, status: str) -> None:
        opened.reports(1, status, code="TRG02")
        assert score(plane, opened.account) == 100

    def test_what_is_executed_after_a_refusal_counts(self, plane: Plane, opened: Copier) -> None:
        opened.reports(1, "REJECTED", code="TRG02")
        for number in range(2, 8):
            opened.reports(number, ticket=number)
        assert chain(plane, opened.account) == [
            ("TRG02", 100, 97),
            ("EXECUTED", 97, 98),
            ("EXECUTED", 98, 99),
            ("EXECUTED", 99, 100),
        ]

    @pytest.mark.parametrize(
        ("order", "after"), [("RE", 98), ("ER", 97), ("RERE", 96), ("EERR", 94), ("RREEEEEEEE", 100)]
    )
    def test_a_batch_counts_in_its_order(self, plane: Plane, opened: Copier, order: str, after: int) -> None:
        plane.report(
            [
                opened.report(number, ticket=number) if what == "E" else opened.report(number, "REJECTED", code="TRG02")
                for number, what in enumerate(order, start=1)
            ]
        )
        assert score(plane, opened.account) == after

    def test_a_report_counts_once(self, plane: Plane, opened: Copier) -> None:
        for _ in range(3):
            opened.reports(1, "REJECTED", code="TRG01")
        opened.reports(1, "REJECTED", code="TRG02")
        assert score(plane, opened.account) == 95

    def test_a_stranger_moves_nothing(self, plane: Plane, master: Master, opened: Copier) -> None:
        stranger = plane.copier(master, lane=opened.lane)
        opened.reports(1, "REJECTED", code="TRG01", session=stranger.session)
        assert plane.rows("select score from trust.scores where score < 100") == []

    def test_an_event_names_subscription_and_delivery(self, plane: Plane, master: Master, opened: Copier) -> None:
        opened.reports(2, "REJECTED", code="TRG01")
        event = plane.record("select * from trust.events")
        assert (event["lane"], event["role"], event["actor"]) == (opened.lane, "subscriber", "signals.report")
        assert (event["stream_id"], event["subscription_id"]) == (master.stream, opened.subscription)
        assert (event["epoch"], event["seq"]) == (None, 2)
