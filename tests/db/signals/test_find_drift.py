"""Drift: what differs while nobody asks is found by the clock, and a cut that failed first of all."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import pairwise
from typing import Any

import psycopg
import pytest

from tests.db.plane import Copier, Holding, Master, Plane, held

pytestmark = pytest.mark.core


@pytest.fixture
def opened(plane: Plane, master: Master, copier: Copier) -> Copier:
    """A copier that holds position 1, and whose books were just compared."""
    master.does("OPEN", 1)
    copier.receives()
    copier.reports(1)
    plane.find_drift()
    return copier


def drift(plane: Plane) -> None:
    """The lane's copy of the master's book no longer has what the follower holds."""
    plane.admin.execute("delete from signals.positions")


def test_what_differs_is_found_within_a_minute(plane: Plane, opened: Copier) -> None:
    drift(plane)
    plane.tick(seconds=59)
    assert plane.find_drift() is None
    plane.tick(seconds=1)
    assert plane.find_drift() == "1 deliveries"
    assert [each.action for each in plane.deliveries([opened], 1)] == ["CLOSE"]
    assert plane.value("select inputs ->> 'cause' from signals.decisions where part > 0") == "schedule"


def test_once(plane: Plane, opened: Copier) -> None:
    drift(plane)
    for _ in range(3):
        plane.tick(minutes=2)
        plane.find_drift()
    assert opened.newest == 2


@pytest.mark.parametrize(
    ("action", "status", "volume"),
    [("CLOSE", "FAILED", 0), ("CLOSE", "EXECUTED", "0.04"), ("PARTIAL_CLOSE", "FAILED", 0)],
)
def test_a_cut_that_failed_does_not_wait_for_its_turn(
    plane: Plane, master: Master, opened: Copier, action: str, status: str, volume: str | int
) -> None:
    master.does(action, 1, volume="0.05")
    opened.receives()
    opened.reports(2, status, volume=volume)
    assert plane.find_drift() == "1 deliveries"
    assert [each.action for each in plane.deliveries([opened], 2)] == [action]


def test_nor_does_what_was_filled_beyond_what_was_decided(plane: Plane, master: Master, opened: Copier) -> None:
    master.does("OPEN", 2)
    opened.receives()
    opened.reports(2, volume="0.20", ticket=2)
    assert plane.find_drift() == "1 deliveries"


def test_nor_a_fill_that_shows_up_after_its_close(plane: Plane, master: Master, opened: Copier) -> None:
    master.does("OPEN", 2)
    opened.receives()
    opened.doubts(2)
    master.does("CLOSE", 2)
    opened.receives()
    opened.reports(3, "REJECTED", code="TRG03")
    assert plane.find_drift() is None
    opened.reports(2, ticket=2)
    assert plane.find_drift() == "1 deliveries"


def test_who_has_ended_is_looked_at_as_long_as_it_holds_anything(plane: Plane, opened: Copier) -> None:
    plane.transition(opened.subscription, "end")
    drift(plane)
    plane.tick(minutes=2)
    assert plane.find_drift() == "1 deliveries"
    opened.reports(2)
    compared = plane.value("select checked_at from signals.subscription_heads")
    plane.tick(minutes=2)
    plane.find_drift()
    assert plane.value("select checked_at from signals.subscription_heads") == compared


def test_every_lane_is_looked_at(plane: Plane, master: Master) -> None:
    copiers = [plane.copier(master, lane=lane) for lane in range(8)]
    master.does("OPEN", 1)
    for copier in copiers:
        copier.receives()
        copier.reports(1)
    drift(plane)
    plane.tick(minutes=2)
    assert plane.find_drift() == "8 deliveries"
    assert [copier.status() for copier in copiers] == ["CLOSING"] * 8
    assert plane.verify() == {}


def test_what_the_follower_holds_by_its_own_book_is_the_measure(plane: Plane, opened: Copier) -> None:
    opened.books(Holding(position=1, volume="0.07"))
    plane.tick(minutes=2)
    assert plane.find_drift() is None
    assert opened.holds() == {1: Decimal("0.07")}


def test_what_fails_for_hours_is_tried_less_and_less_often(plane: Plane, master: Master, opened: Copier) -> None:
    """A market that is closed: at once again, and then every quarter of an hour."""
    master.does("CLOSE", 1)
    opened.receives()
    told: list[Any] = []
    for _ in range(12 * 60):
        newest = opened.newest
        if newest > len(told) + 1:
            told.append(plane.now)
        opened.reports(newest, "FAILED", code="10018")
        plane.tick(minutes=1)
        plane.find_drift()
    assert (told[1] - told[0]).total_seconds() <= 120
    assert 45 < len(told) < 60


def test_a_close_that_failed_where_nothing_is_held_does_not_wait_for_its_turn_either(
    plane: Plane, master: Master, opened: Copier
) -> None:
    master.does("OPEN", 2)
    opened.receives()
    opened.reports(2, "FAILED")
    master.does("CLOSE", 2)
    opened.receives()
    opened.reports(3, "FAILED")
    assert plane.find_drift() == "1 deliveries"
    assert [each.action for each in plane.deliveries([opened], 3)] == ["CLOSE"]


@pytest.mark.parametrize("filled", [False, True])
def test_every_close_that_failed_is_tried_less_and_less_often(
    plane: Plane, master: Master, opened: Copier, filled: bool
) -> None:
    """At once, and then 10 seconds after the answer, 20, 40: whether anything is known to be held or not."""
    master.does("OPEN", 2)
    opened.receives()
    opened.reports(2, "EXECUTED" if filled else "FAILED", ticket=2)
    master.does("CLOSE", 2)
    opened.receives()
    told: list[Any] = []
    for _ in range(80):
        if opened.newest > len(told) + 2:
            opened.reports(opened.newest, "FAILED", code="10018")
            told.append(plane.now)
        plane.find_drift()
        plane.tick(seconds=1)
    assert [(later - before).total_seconds() for before, later in pairwise(told)] == [1, 11, 21, 41]


class TestShare:
    """What a run does is bounded, and who is looked at next is who waited longest."""

    def positions(self, plane: Plane, copier: Copier, master: Master, count: int) -> None:
        """The master holds so many, as the lane of the copier has it."""
        plane.admin.execute(
            "insert into signals.positions (lane, stream_id, position_id, symbol, side, order_type, volume,"
            " opened_volume, price, stop_loss, take_profit, magic, digits, contract_size, opened_at, changed_epoch,"
            " changed_seq)"
            " select %s, %s, p, 'EURUSD', 'BUY', 'MARKET', 0.1, 0.1, 1.1, 0, 0, 0, 5, 100000, core.now(), 1, 0"
            " from generate_series(1, %s) as p",
            [copier.lane, master.stream, count],
        )

    def test_a_run_looks_at_about_three_thousand(self, plane: Plane, master: Master) -> None:
        copiers = [plane.copier(master, lane=2) for _ in range(5)]
        self.positions(plane, copiers[0], master, 1490)
        plane.find_drift()
        seen = []
        for _ in range(2):
            plane.tick(minutes=2)
            for _ in range(4):
                plane.tick(seconds=1)
                plane.find_drift()
                seen.append(
                    plane.rows(
                        "select subscription_id - %s from signals.subscription_heads where checked_at = %s order by 1",
                        copiers[0].subscription,
                        plane.now,
                    )
                )
        assert sorted(number for turn in seen[:4] for number in turn) == [0, 1, 2, 3, 4]
        assert sorted(number for turn in seen[4:] for number in turn) == [0, 1, 2, 3, 4]
        assert max(len(turn) for turn in seen) == 2

    def test_one_that_is_too_large_by_itself_is_looked_at_all_the_same(self, plane: Plane, master: Master) -> None:
        copier = plane.copier(master)
        self.positions(plane, copier, master, 3500)
        plane.tick(minutes=2)
        plane.find_drift()
        assert plane.value("select checked_at from signals.subscription_heads") == plane.now

    def test_a_master_whose_snapshots_never_agree_keeps_nobody_else_waiting_for_ever(
        self, plane: Plane, opened: Copier
    ) -> None:
        """Nor does a large book."""
        restless = plane.master(rate=1000, burst=1000)
        follower = plane.copier(restless, lane=opened.lane)
        self.positions(plane, follower, restless, 3000)
        drift(plane)
        self.positions(plane, follower, restless, 3000)
        books = [[held(position, "0.05", price="1.2") for position in range(1, 3001)] for _ in range(2)]
        books[1][0] = held(1, "0.06")
        plane.tick(minutes=2)
        for turn in range(5):
            restless.snapshot(*books[turn % 2])
            plane.pump(opened.lane)
            plane.tick(seconds=1)
            plane.find_drift()
        assert opened.status() == "CLOSING"


class TestFailure:
    @pytest.fixture
    def unlucky(self, own_plane: Plane) -> tuple[Plane, list[Copier]]:
        """Three copiers that each are to close a position; of the second it cannot be written."""
        master = own_plane.master(lane=1)
        copiers = [own_plane.copier(master, lane=2) for _ in range(3)]
        master.does("OPEN", 1)
        own_plane.pump(2)
        for copier in copiers:
            copier.reports(1)
        own_plane.find_drift()
        own_plane.admin.execute(
            f"create function fail() returns trigger language plpgsql as $$ begin"
            f" if new.subscription_id = {copiers[1].subscription} then raise 'a drill'; end if; return new; end $$;"
            f" create trigger fail before insert on signals.decisions for each row execute function fail()".encode()
        )
        drift(own_plane)
        own_plane.tick(minutes=2)
        return own_plane, copiers

    def test_what_cannot_be_caught_up_is_recorded_and_harms_nobody_else(
        self, unlucky: tuple[Plane, list[Copier]]
    ) -> None:
        plane, copiers = unlucky
        assert plane.find_drift() == "2 deliveries"
        assert [copier.status() for copier in copiers] == ["CLOSING", "OPEN", "CLOSING"]
        event = plane.record("select * from signals.protection_events")
        assert (event["origin"], event["code"], event["subscription_id"]) == ("PLANE", "TRS37", copiers[1].subscription)
        assert event["detail"] == {"sqlstate": "P0001", "message": "a drill"}

    def test_it_is_tried_again_in_its_turn(self, unlucky: tuple[Plane, list[Copier]]) -> None:
        plane, copiers = unlucky
        plane.find_drift()
        plane.admin.execute("drop trigger fail on signals.decisions")
        assert plane.find_drift() is None
        plane.tick(minutes=1, microseconds=1)
        assert plane.find_drift() == "1 deliveries"
        assert copiers[1].status() == "CLOSING"
        assert plane.verify() == {}


def test_heads_are_locked_in_the_order_in_which_dispatch_locks_them(plane: Plane, master: Master) -> None:
    """Whoever waited longest is chosen first, and not locked first: two who lock crosswise wait for ever."""
    first, second = (plane.copier(master, lane=2) for _ in range(2))
    plane.find_drift()
    plane.tick(minutes=2)
    plane.admin.execute(
        "update signals.subscription_heads set checked_at = checked_at - interval '1 hour' where subscription_id = %s",
        [second.subscription],
    )
    lock = "select from signals.subscription_heads where lane = 2 and subscription_id = %s for no key update nowait"
    with plane.connect("ecp_owner") as clock, psycopg.connect(plane.url) as dispatch, ThreadPoolExecutor(1) as pool:
        (pid,) = clock.execute("select pg_backend_pid()").fetchone() or (0,)
        dispatch.execute(lock, [first.subscription])
        run = pool.submit(clock.execute, "select signals.find_drift()")
        while not plane.value("select cardinality(pg_blocking_pids(%s))", pid):
            assert not run.done()
        try:
            dispatch.execute(lock, [second.subscription])
        finally:
            dispatch.rollback()
            run.result()
