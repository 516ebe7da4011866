"""How accounts are trusted."""

import pytest

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


def test_who_lost_points_is_shown_with_when(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1)
    copier.receives()
    copier.reports(1, "REJECTED", code="TRG02")
    row = plane.record("select * from analytics.trust where role = 'subscriber'")
    assert (row["account_id"], row["score"], row["pauses"]) == (copier.account, 97, False)
    assert row["last_incident_at"] == row["changed_at"]


def test_who_fell_below_fifty_is_shown_as_paused(plane: Plane, copier: Copier) -> None:
    plane.answer("select trust.reset(%s, 'subscriber', 49, 'a test', 'an operator')", copier.account)
    assert plane.rows("select score, pauses from analytics.trust") == [(49, True)]
