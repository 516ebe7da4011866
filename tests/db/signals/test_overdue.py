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
    told.reports(2, "UNKNOWN", code="TRG06")
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
