"""Overdue: everything that cuts or manages exposure, was delivered, and waits for its answer, in one view."""

import psycopg
import pytest

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


@pytest.fixture
def told(master: Master, copier: Copier) -> Copier:
    """A copier that was delivered an opening, stops, a partial close and a close, and has answered nothing."""
    master.does("OPEN", 1)
    master.does("MODIFY", 1, stop_loss="1.0")
    master.does("PARTIAL_CLOSE", 1, volume="0.05")
    master.does("CLOSE", 1)
    copier.receives()
    return copier


def test_all_but_openings_are_there_from_the_beginning(plane: Plane, told: Copier) -> None:
    assert plane.overdue() == [
        (2, "MODIFY", "DELIVERED", None),
        (3, "PARTIAL_CLOSE", "DELIVERED", None),
        (4, "CLOSE", "DELIVERED", None),
    ]
    assert told.newest == 4


def test_each_says_how_far_it_came(plane: Plane, told: Copier) -> None:
    told.beats(subscription=told.subscription, processed=3)
    told.doubts(2)
    plane.tick(seconds=11)
    plane.escalate()
    assert plane.overdue() == [
        (2, "MODIFY", "UNKNOWN", 1),
        (3, "PARTIAL_CLOSE", "ACKNOWLEDGED", 1),
        (4, "CLOSE", "DELIVERED", 1),
    ]


def test_an_answer_takes_it_out_at_once_whatever_it_is(plane: Plane, told: Copier) -> None:
    told.reports(2, "FAILED")
    told.reports(4, "REJECTED", code="TRG03")
    assert plane.overdue() == [(3, "PARTIAL_CLOSE", "DELIVERED", None)]


def test_a_book_takes_them_out(plane: Plane, told: Copier) -> None:
    plane.tick(seconds=30)
    told.books()
    assert plane.overdue() == []


def test_whether_anybody_copies_is_there(plane: Plane, told: Copier) -> None:
    query = "select distinct has_copier from signals.overdue"
    assert plane.operator.execute(query).fetchall() == [(True,)]
    plane.gateway.execute("select access.close_session(%s)", [told.session])
    assert plane.operator.execute(query).fetchall() == [(False,)]


def test_who_is_on_duty_reads_it_and_no_table_and_the_gateway_does_not(plane: Plane, told: Copier) -> None:
    assert told.newest == 4
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        plane.operator.execute("select * from signals.decisions")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        plane.gateway.execute("select * from signals.overdue")


@pytest.fixture
def failing(plane: Plane, master: Master, copier: Copier) -> Copier:
    """A copier that holds position 1 and was told to close it, as delivery 2, twelve seconds before it said: failed."""
    master.does("OPEN", 1)
    copier.receives()
    copier.reports(1)
    master.does("CLOSE", 1)
    copier.receives()
    plane.tick(seconds=12)
    copier.reports(2, "FAILED")
    return copier


def test_a_close_that_failed_is_there_by_its_first_telling(plane: Plane, failing: Copier) -> None:
    since = plane.value("select decided_at from signals.overdue")
    assert plane.overdue() == [(2, "CLOSE", "FAILED", None)]
    failing.catches_up()
    assert plane.overdue() == [(2, "CLOSE", "FAILED", None), (3, "CLOSE", "DELIVERED", None)]
    failing.reports(3, "FAILED")
    assert plane.overdue() == [(2, "CLOSE", "FAILED", None)]
    assert plane.value("select decided_at from signals.overdue") == since


@pytest.mark.parametrize("by", ["report", "no position", "book", "operator"])
def test_until_it_is_done(plane: Plane, failing: Copier, by: str) -> None:
    failing.catches_up()
    match by:
        case "report":
            failing.reports(3)
        case "no position":
            failing.reports(3, "REJECTED", code="TRG03")
        case "book":
            failing.books()
        case _:
            query = "select signals.settle(%s, 3, 'EXECUTED', 7001, 0.1, 'olga', 'asked the broker')"
            plane.operator.execute(query, [failing.subscription])
    assert failing.status() == "CLOSED"
    assert plane.overdue() == []


def test_one_that_was_done_in_part_is_there_too(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1)
    copier.receives()
    copier.reports(1)
    master.does("CLOSE", 1)
    copier.receives()
    copier.reports(2, volume="0.04")
    assert plane.overdue() == [(2, "CLOSE", "EXECUTED", None)]
    copier.catches_up()
    copier.reports(3, volume="0.06")
    assert plane.overdue() == []


def test_one_that_catch_up_told_first_as_well(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1)
    copier.receives()
    copier.reports(1)
    master.snapshot()
    copier.is_shown()
    copier.reports(2, "FAILED")
    assert plane.overdue() == [(2, "CLOSE", "FAILED", None)]
