"""The log is kept for 180 days, and longer as far as something live stands on it."""

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.db.plane import START, Copier, Delivery, Master, Plane, held, lots, microseconds, run_together

pytestmark = pytest.mark.core

OLD = timedelta(days=181)


def retire(plane: Plane) -> int:
    """Until nothing is left to do; how many runs did something."""
    runs = 0
    while plane.value("select signals.retire_signals()") is not None:
        runs += 1
        assert runs < 1000, "it finds the same work again and again"
    return runs


def log(plane: Plane) -> list[tuple[int, int]]:
    return plane.rows("select epoch, seq from signals.signals order by epoch, seq")


def count(plane: Plane) -> dict[str, int]:
    tables = ("signals", "decisions", "reports", "copies")
    return {table: plane.value(f"select count(*) from signals.{table}") for table in tables}


def grow_old(plane: Plane) -> None:
    """All that there is is sealed, and the time for which it is kept goes by."""
    plane.seal()
    plane.set_clock(START + OLD)


@pytest.fixture
def plane(own_plane: Plane) -> Iterator[Plane]:
    """Whatever retention took of it, the audit chain must hold."""
    yield own_plane
    assert own_plane.rows("select * from audit.verify()") == []
    own_plane.seal()
    assert own_plane.rows("select * from audit.verify()") == []


def answer(copier: Copier, found: list[Delivery]) -> None:
    for delivery in found:
        assert copier.reports(delivery.delivery_seq, ticket=1000 + delivery.position_id).code is None


def trade(master: Master, *copiers: Copier) -> None:
    """A position that is opened, moved and closed, and all of it copied and answered."""
    master.does("OPEN")
    for action in ("MODIFY", "CLOSE"):
        master.does(action, master.position)
    for lane in {copier.lane for copier in copiers}:
        found = master.plane.pump(lane)
        for copier in copiers:
            answer(copier, [each for each in found if each.subscription_id == copier.subscription])


def test_after_180_days_and_not_before(plane: Plane, master: Master, copier: Copier) -> None:
    trade(master, copier)
    trade(master, copier)
    plane.seal()
    plane.tick(days=180)
    assert retire(plane) == 0
    plane.tick(seconds=1)
    assert retire(plane) == 1
    # The newest is where the head of the stream stands; and the log before it has not closed the position yet.
    assert log(plane) == [(1, 4), (1, 5), (1, 6)]
    assert plane.rows("select seq, delivery_seq from signals.decisions") == [(6, 6)]
    assert plane.rows("select delivery_seq from signals.reports") == [6]
    assert plane.verify() == {}
    assert plane.rows("select what, rows from ops.retirements order by what") == [
        ("signals.decisions", 5),
        ("signals.reports", 5),
        ("signals.signals", 3),
    ]


def test_what_was_taken_leaves_its_hash(plane: Plane, master: Master, copier: Copier) -> None:
    trade(master, copier)
    trade(master, copier)
    grow_old(plane)
    retire(plane)
    gone = "select relation, count(*) from audit.remains group by relation order by relation"
    assert plane.rows(gone) == [("signals.decisions", 5), ("signals.reports", 5), ("signals.signals", 3)]
    assert plane.rows("select * from audit.verify()") == []


def test_what_is_not_sealed_for_long_enough_stays(plane: Plane, master: Master, copier: Copier) -> None:
    """Of what was never sealed, or only yesterday, nobody could tell later whether it was what retention may take."""
    trade(master, copier)
    trade(master, copier)
    plane.set_clock(START + OLD)
    assert retire(plane) == 0
    plane.seal()
    plane.tick(days=31)
    assert retire(plane) == 0
    plane.tick(seconds=1)
    assert retire(plane) == 1
    assert len(log(plane)) == 3


def test_what_was_answered_late_stays_until_the_answer_is_old(plane: Plane, master: Master, copier: Copier) -> None:
    trade(master, copier)
    master.does("OPEN")
    (opening,) = copier.receives()
    copier.doubts(opening.delivery_seq)
    master.does("CLOSE", 2)
    answer(copier, copier.receives())
    trade(master, copier)
    grow_old(plane)
    plane.operator.execute(
        "select signals.settle(%s, %s, 'FAILED', null, null, 'a test', 'asked')",
        [copier.subscription, opening.delivery_seq],
    )
    plane.seal()
    retire(plane)
    assert opening.delivery_seq in plane.rows("select delivery_seq from signals.decisions")
    trade(master, copier)
    plane.seal()
    plane.tick(days=181)
    retire(plane)
    assert opening.delivery_seq not in plane.rows("select delivery_seq from signals.decisions")


def test_what_is_kept_is_explained_and_copied_on_as_if_nothing_were_gone(
    plane: Plane, master: Master, copier: Copier
) -> None:
    trade(master, copier)
    plane.seal()
    plane.tick(days=170)
    trade(master, copier)
    plane.tick(days=11)
    retire(plane)
    assert log(plane) == [(1, 4), (1, 5), (1, 6)]
    assert plane.explain(copier.subscription, 4)["sentence"].startswith("Copied")
    assert plane.explain(copier.subscription, 1)["sentence"] == "The plane holds no such signal of this stream."
    trade(master, copier)
    assert copier.newest == 9
    assert plane.verify() == {}


def test_an_open_copy_keeps_all_that_is_about_it(plane: Plane, master: Master, copier: Copier) -> None:
    trade(master, copier)
    master.does("OPEN")
    master.does("MODIFY", master.position)
    answer(copier, copier.receives())
    trade(master, copier)
    grow_old(plane)
    before = copier.copy(2)
    retire(plane)
    # 4 and 5 are the open position's, the others the last trade's.
    assert log(plane) == [(1, 4), (1, 5), (1, 6), (1, 7), (1, 8)]
    assert copier.copy(2) == before
    assert plane.explain(copier.subscription, 4)["report"] == "EXECUTED"
    assert plane.verify() == {}
    master.does("CLOSE", 2)
    answer(copier, copier.receives())
    assert copier.status(2) == "CLOSED"
    trade(master, copier)
    plane.seal()
    plane.tick(days=181)
    retire(plane)
    assert len(log(plane)) == 3, "once it is closed, all of it goes with the rest"
    assert plane.verify() == {}


def test_a_copy_that_is_open_when_the_master_has_closed_keeps_its_log(
    plane: Plane, master: Master, copier: Copier
) -> None:
    master.does("OPEN")
    answer(copier, copier.receives())
    master.does("CLOSE", 1)
    assert len(copier.receives()) == 1
    other = plane.copier(master)
    trade(master, other, copier)
    grow_old(plane)
    retire(plane)
    kept = plane.rows("select seq from signals.decisions where subscription_id = %s order by 1", copier.subscription)
    assert kept == [1, 2, 5]
    plane.escalate()
    assert plane.overdue() == [(2, "CLOSE", "DELIVERED", 4)]
    assert plane.verify() == {}
    answer(copier, plane.deliveries([copier], 1, resend=True)[:1])
    assert copier.status() == "CLOSED"


@pytest.mark.parametrize("doubt", [False, True], ids=["unanswered", "in doubt"])
def test_a_delivery_without_a_final_report_stays_and_can_still_be_answered(
    plane: Plane, master: Master, copier: Copier, doubt: bool
) -> None:
    master.does("OPEN")
    (opening,) = copier.receives()
    if doubt:
        copier.doubts(opening.delivery_seq)
    master.does("CLOSE", 1)
    copier.receives()
    master.does("OPEN")
    grow_old(plane)
    plane.pump(copier.lane)
    before = count(plane)
    retire(plane)
    assert count(plane) == before
    assert copier.reports(opening.delivery_seq, ticket=7).code is None
    assert copier.copy(1)["ticket"] == 7


def test_an_unanswered_stop_change_of_what_is_closed_stays(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN")
    master.does("MODIFY", 1)
    master.does("CLOSE", 1)
    opening, _, close = copier.receives()
    answer(copier, [opening, close])
    assert copier.status() == "CLOSED"
    trade(master, copier)
    grow_old(plane)
    retire(plane)
    assert plane.rows("select seq from signals.decisions order by 1") == [2, 6]
    assert [(number, action) for number, action, _, _ in plane.overdue()] == [(2, "MODIFY")]
    assert plane.verify() == {}


def test_a_position_that_the_master_holds_is_in_the_book_of_who_comes_later(plane: Plane, master: Master) -> None:
    """Nobody follows yet, so no lane has the book: it is what the log says."""
    master.does("OPEN", volume="0.30")
    master.does("MODIFY", 1, stop_loss="1.05")
    master.does("OPEN")
    master.does("PARTIAL_CLOSE", 1, volume="0.10")
    master.does("CLOSE", 2)
    master.does("OPEN")
    whole = plane.copier(master, lane=1)
    before = plane.book(1, master.stream)
    plane.transition(whole.subscription, "end")
    plane.admin.execute("delete from signals.positions")
    grow_old(plane)
    assert retire(plane) > 0
    assert log(plane) == [(1, 1), (1, 2), (1, 4), (1, 6)]
    late = plane.copier(master, lane=2, late_join="ALL")
    book = plane.book(2, master.stream)
    assert {key: row | {"lane": 1} for key, row in book.items()} == before
    assert sorted(lots(late.catches_up() or plane.deliveries([late], 0, resend=False))) != []
    assert plane.verify() == {}


def test_before_the_newest_snapshot_nothing_is_needed_for_the_book(plane: Plane, master: Master) -> None:
    master.does("OPEN")
    master.snapshot(held(1))
    master.does("OPEN")
    master.snapshot(held(1), held(2))
    master.does("MODIFY", 1, stop_loss="1.05")
    master.does("OPEN")
    grow_old(plane)
    retire(plane)
    assert log(plane) == [(1, 4), (1, 5), (1, 6)]
    plane.copier(master, lane=2)
    assert plane.book(2, master.stream).keys() == {1, 2, 3}


def test_what_is_not_dispatched_into_some_lane_stays(plane: Plane, master: Master) -> None:
    quick, behind = plane.copier(master, lane=1), plane.copier(master, lane=2)
    trade(master, quick)
    grow_old(plane)
    assert retire(plane) == 0
    plane.pump(behind.lane)
    trade(master, quick, behind)
    retire(plane)
    late = plane.rows("select distinct lane from signals.decisions where seq <= 3")
    assert late == [behind.lane], "what was decided today is not old"
    plane.seal()
    plane.tick(days=181)
    trade(master, quick, behind)
    retire(plane)
    assert log(plane)[0] == (1, 7)
    assert plane.verify() == {}


def test_refused_signals_go_too(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", volume=0)
    trade(master, copier)
    grow_old(plane)
    retire(plane)
    assert log(plane) == [(1, 2), (1, 3), (1, 4)]


def test_epochs_that_are_over_go(plane: Plane, master: Master, copier: Copier) -> None:
    trade(master, copier)
    assert master.resync(2)["code"] is None
    trade(master, copier)
    grow_old(plane)
    retire(plane)
    assert log(plane) == [(2, 1), (2, 2), (2, 3)]
    assert plane.verify() == {}


def test_every_stream_has_its_turn_in_slices(plane: Plane) -> None:
    masters = [plane.master(rate=10000, burst=10000) for _ in range(3)]
    for master in masters:
        copiers = [plane.copier(master, lane=2) for _ in range(2)]
        for _ in range(100):
            trade(master, *copiers)
    grow_old(plane)
    assert retire(plane) == 3, "one slice for each of three streams"
    assert len(log(plane)) == 9, "each keeps its last trade"
    assert plane.verify() == {}


def test_a_run_that_is_cut_off_and_done_again_is_one_run(plane: Plane, master: Master, copier: Copier) -> None:
    for _ in range(3):
        trade(master, copier)
    grow_old(plane)
    before = count(plane)
    with plane.connect("ecp_owner") as killed:
        killed.execute("begin; select signals.retire_signals()")
        killed.rollback()
    assert count(plane) == before
    assert retire(plane) == 1
    assert plane.verify() == {}


def test_two_runs_at_once_are_one(plane: Plane, master: Master, copier: Copier) -> None:
    for _ in range(3):
        trade(master, copier)
    grow_old(plane)

    def run() -> None:
        with plane.connect("ecp_owner") as connection:
            connection.execute("select signals.retire_signals()")

    run_together(run, run, run)
    retire(plane)
    assert log(plane) == [(1, 7), (1, 8), (1, 9)]
    assert plane.rows("select rows from ops.retirements where what = 'signals.signals'") == [6]
    assert plane.verify() == {}


def test_who_rebuilds_a_book_is_waited_for(plane: Plane, master: Master, copier: Copier) -> None:
    trade(master, copier)
    grow_old(plane)
    with plane.connect("ecp_owner") as builder, builder.transaction():
        builder.execute(f"select signals.rebuild_book({copier.lane}::smallint, {master.stream})".encode())
        assert retire(plane) == 0
    assert retire(plane) == 1


def test_a_row_that_is_missing_and_was_not_retired_is_still_found(plane: Plane, master: Master, copier: Copier) -> None:
    """Negative control: what is checked is weaker only by what retention says it took."""
    for _ in range(4):
        trade(master, copier)
        plane.seal()
        plane.tick(days=60)
    retire(plane)
    assert plane.verify() == {}
    first = log(plane)[0][1]
    for broken, corrupt in {
        "sequence_has_no_holes": f"delete from signals.signals where seq = {first}",
        "every_eligible_signal_is_decided": f"delete from signals.decisions where seq = {first}",
        "deliveries_count_without_holes": f"delete from signals.decisions where delivery_seq = {first}",
    }.items():
        with plane.admin.transaction(force_rollback=True):
            assert plane.admin.execute(corrupt.encode()).rowcount == 1
            found: list[Any] = plane.rows("select name from ops.verify() where not ok")
        assert broken in found


def test_live_rows_lost_under_load(plane: Plane, drawn_seed: int) -> None:
    """Masters trade, terminals answer or do not, and retention takes what is old meanwhile: every invariant holds,
    every copy that is open has all of its log, and every book can be made again."""
    chance = random.Random(drawn_seed)
    masters = [plane.master(rate=100000, burst=100000) for _ in range(2)]
    copiers = {master.stream: [plane.copier(master, lane=chance.randrange(4)) for _ in range(3)] for master in masters}
    open_positions: dict[int, list[int]] = {master.stream: [] for master in masters}
    for _ in range(60):
        plane.tick(days=chance.choice([1, 4, 10]))
        for master in masters:
            mine = open_positions[master.stream]
            for _ in range(chance.randrange(4)):
                if mine and chance.random() < 0.5:
                    position = mine.pop(chance.randrange(len(mine)))
                    master.does("CLOSE", position)
                else:
                    master.does("OPEN")
                    mine.append(master.position)
        for lane in range(4):
            for delivery in plane.pump(lane):
                if chance.random() < 0.8:
                    owner = next(
                        c for each in copiers.values() for c in each if c.subscription == delivery.subscription_id
                    )
                    owner.reports(delivery.delivery_seq, ticket=delivery.subscription_id * 10000 + delivery.position_id)
        plane.value("select signals.retire_signals()")
        plane.seal()
    retire(plane)
    assert plane.value("select count(*) from signals.log_starts") == 2, "it had something to take"
    lost = plane.rows(
        """
        select c.subscription_id, c.position_id
        from signals.copies as c
        inner join signals.subscriptions as s on s.subscription_id = c.subscription_id
        left join signals.decisions as d
            on d.lane = c.lane and d.subscription_id = c.subscription_id and d.position_id = c.position_id
                and d.action = 'OPEN'
        left join signals.signals as x
            on x.lane = s.stream_lane and x.stream_id = d.stream_id and x.epoch = d.epoch and x.seq = d.seq
        where c.status in ('DELIVERED', 'OPEN', 'CLOSING') and x.seq is null
        """
    )
    assert lost == []
    assert plane.verify() == {}
    for master in masters:
        for lane in {copier.lane for copier in copiers[master.stream]}:
            before = plane.book(lane, master.stream)
            plane.value("select signals.rebuild_book(%s::smallint, %s)", lane, master.stream)
            assert plane.book(lane, master.stream) == before
    assert microseconds(plane.now) > microseconds(START + OLD)
