"""Explain a delivery: also what no signal asked for, by what made the plane send it."""

from typing import Any

import pytest

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


def explained(plane: Plane, copier: Copier, delivery: int) -> dict[str, Any]:
    return plane.record("select * from signals.explain_delivery(%s, %s)", copier.subscription, delivery)


def test_a_signal_s_delivery_is_explained_as_the_signal_is(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1)
    copier.receives()
    assert explained(plane, copier, 1) == plane.explain(copier.subscription, 1)


def test_a_close_that_is_told_again_says_what_is_held(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1, volume="0.30")
    master.does("CLOSE", 1)
    copier.receives()
    copier.reports(1, ticket=1, volume="0.30")
    copier.reports(2, "FAILED", code="TRG04")
    copier.resume()
    row = explained(plane, copier, 3)
    assert (row["action"], row["outcome"], row["reason"]) == ("CLOSE", "DELIVERED", "CAUGHT_UP")
    assert row["formula"] == (
        "the master holds 0 of 0.3 lots; the copy was opened with 0.3, told to hold 0, and holds 0.3"
    )
    assert row["sentence"] == "Caught up (resume). Delivered as 3; no report yet."


def test_a_protection_says_so(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1)
    copier.receives()
    copier.reports(1, ticket=1)
    plane.value("select signals.protect(%s, 'EQUITY_FLOOR', 1000, 'MONEY', 'CLOSE_ALL')", copier.portfolio)
    plane.gateway.execute(
        "select * from signals.note_equity(%s::smallint, array[%s], array[%s::bigint], array[1], array[1], array[0],"
        " array[0], array[0], array[0])",
        [copier.lane, copier.session, copier.portfolio],
    )
    row = explained(plane, copier, 2)
    assert (row["action"], row["reason"]) == ("CLOSE", "PROTECTED")
    assert row["sentence"] == "Closed by a protection. Delivered as 2; no report yet."


def test_an_outcome_in_doubt_says_that_nothing_is_tried_again(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1)
    copier.receives()
    copier.doubts(1)
    assert explained(plane, copier, 1)["sentence"] == (
        "Delivered as 1; the broker has not answered, and nothing is tried again before it is known."
    )


def test_a_delivery_that_was_never_made_has_nothing_to_explain(plane: Plane, copier: Copier) -> None:
    query = "select * from signals.explain_delivery(%s, 1)"
    assert plane.operator.execute(query, [copier.subscription]).fetchall() == []
