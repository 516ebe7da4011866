"""Heads: the newest accepted signal of each stream of a lane."""

import pytest

from tests.db.plane import Plane

pytestmark = pytest.mark.core


def test_refused_signals_and_new_epochs_do_not_move_a_head(plane: Plane) -> None:
    busy, idle, elsewhere = plane.master(lane=1), plane.master(lane=1), plane.master(lane=2)
    busy.does("OPEN")
    busy.does("CLOSE", 1)
    busy.does("OPEN", volume=0)
    busy.resync(2)
    elsewhere.does("OPEN")
    rows = plane.gateway.execute("select * from signals.heads(1::smallint)").fetchall()
    assert sorted(rows) == [(busy.stream, 1, 2), (idle.stream, 1, 0)]
