"""Logout: the license is free for the next client, and the session may do nothing more."""

from uuid import uuid4

import pytest

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


def close(plane: Plane, session: object) -> None:
    plane.gateway.execute("select access.close_session(%s)", [session])


def test_a_session_ends_by_logout(plane: Plane, master: Master) -> None:
    close(plane, master.session)
    row = plane.record("select * from access.sessions")
    assert (row["ended_at"], row["ended_by"]) == (plane.now, "LOGOUT")


def test_what_is_still_sent_after_logout_is_refused(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN")
    (delivery,) = copier.receives()
    close(plane, master.session)
    close(plane, copier.session)
    assert master.does("CLOSE", 1).code == "TRA06"
    assert copier.reports(delivery.delivery_seq).code == "TRA06"


def test_logging_out_twice_or_of_nothing_changes_nothing(plane: Plane, master: Master) -> None:
    close(plane, master.session)
    first = plane.now
    plane.tick(seconds=1)
    close(plane, master.session)
    close(plane, uuid4())
    assert plane.value("select ended_at from access.sessions") == first


def test_a_late_logout_does_not_end_the_session_that_took_over(plane: Plane, master: Master) -> None:
    old = master.session
    master.connect()
    close(plane, old)
    assert master.does("OPEN").verdict == "ACCEPTED"
