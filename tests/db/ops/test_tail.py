"""Tail: what was committed since a snapshot, whatever order transactions end in."""

from typing import Any

import pytest

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


def now(plane: Plane) -> str:
    return str(plane.value("select pg_current_snapshot()::text"))


def seen(plane: Plane, since: str, stream: int | None = None) -> list[tuple[Any, ...]]:
    sql = "select kind, seq, outcome, code from ops.tail(%s::pg_snapshot, %s)"
    return plane.operator.execute(sql, [since, stream]).fetchall()


def test_a_signal_its_decision_and_a_refusal(plane: Plane, master: Master, copier: Copier) -> None:
    since = now(plane)
    master.does("OPEN", 1)
    plane.tick(milliseconds=1)
    copier.receives()
    plane.tick(milliseconds=1)
    master.send(master.signal("OPEN", seq=9))
    assert seen(plane, since) == [
        ("SIGNAL", 1, "ACCEPTED", None),
        ("DECISION", 1, "COPIED", None),
        ("EVENT", 9, "PLANE", "TRS02"),
    ]
    assert seen(plane, now(plane)) == []


def test_of_one_stream(plane: Plane, master: Master) -> None:
    other = plane.master()
    since = now(plane)
    for each in (master, other):
        each.does("OPEN", 1)
        each.send(each.signal("OPEN", seq=9))
    assert len(seen(plane, since)) == 4
    assert seen(plane, since, other.stream) == [("EVENT", 9, "PLANE", "TRS02"), ("SIGNAL", 1, "ACCEPTED", None)][::-1]


def test_what_began_before_the_look_and_committed_after_it_is_not_missed(plane: Plane, master: Master) -> None:
    other = plane.master()
    since = now(plane)
    with plane.connect("ecp_gateway") as slow:
        with slow.transaction():
            plane.ingest([master.signal("OPEN")], slow)
            other.does("OPEN")
            between = now(plane)
            assert len(seen(plane, since)) == 1
        assert len(seen(plane, since)) == 2
        assert len(seen(plane, between)) == 1, "once, and not again"


def test_what_was_rolled_back_is_not_shown(plane: Plane, master: Master) -> None:
    since = now(plane)
    with plane.connect("ecp_gateway") as gateway, gateway.transaction(force_rollback=True):
        plane.ingest([master.signal("OPEN")], gateway)
    assert seen(plane, since) == []
