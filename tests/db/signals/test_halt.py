"""Halt: the operator's switch, for one stream or for everything. What it does to signals is in test_ingest."""

import psycopg
import pytest

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


@pytest.mark.parametrize("everything", [False, True])
def test_a_halt_holds_until_it_is_lifted(plane: Plane, master: Master, everything: bool) -> None:
    target = None if everything else master.stream
    plane.halt(target)
    plane.halt(target)
    assert master.does("OPEN").verdict == "HALTED"
    plane.halt(target, lift=True)
    assert master.does("OPEN").verdict == "ACCEPTED"
    plane.halt(target, lift=True)
    assert master.does("OPEN").verdict == "ACCEPTED"


def test_the_plane_wide_halt_does_not_lift_that_of_a_stream(plane: Plane, master: Master) -> None:
    plane.halt(master.stream)
    plane.halt(None)
    plane.halt(None, lift=True)
    assert master.does("OPEN").verdict == "HALTED"


def test_the_plane_wide_halt_says_who_why_and_when(plane: Plane) -> None:
    plane.tick(seconds=3)
    plane.halt(None)
    row = plane.record("select halted, reason, actor, changed_at from core.kill_switch")
    assert row == {"halted": True, "reason": "a drill", "actor": "a test", "changed_at": plane.now}


@pytest.mark.parametrize("lift", [False, True])
def test_the_halt_of_a_stream_says_who_why_and_when(plane: Plane, master: Master, lift: bool) -> None:
    plane.tick(seconds=3)
    plane.halt(master.stream, lift=lift)
    row = plane.record("select status_by, status_reason, status_at from signals.streams")
    assert row == {"status_by": "a test", "status_reason": "a drill", "status_at": plane.now}


def test_a_closed_stream_is_not_opened_by_lifting_a_halt(plane: Plane, master: Master) -> None:
    plane.admin.execute("update signals.streams set status = 'CLOSED'")
    for lift in (False, True):
        with pytest.raises(psycopg.Error) as refusal:
            plane.halt(master.stream, lift=lift)
        assert refusal.value.sqlstate == "TRS10"
    assert master.does("OPEN").code == "TRS22"


def test_an_unknown_stream_cannot_be_halted(plane: Plane) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        plane.halt(999_999)
    assert refusal.value.sqlstate == "TRS10"


@pytest.mark.parametrize("everything", [False, True])
def test_a_halt_reaches_what_was_accepted_and_is_not_dispatched(
    plane: Plane, master: Master, copier: Copier, everything: bool
) -> None:
    master.does("OPEN", 1)
    copier.receives()
    master.does("OPEN", 2)
    master.does("CLOSE", 1)
    plane.halt(None if everything else master.stream)
    assert [delivery.action for delivery in copier.receives()] == ["CLOSE"]
    assert copier.reasons() == ["COPIED", "HALTED", "COPIED"]


def test_who_subscribes_to_a_halted_stream_is_halted_too(plane: Plane, master: Master) -> None:
    master.does("OPEN", 1)
    plane.halt(master.stream)
    copier = plane.copier(master, late_join="ALL")
    copier.uploads("EURUSD")
    copier.resume()
    assert copier.receives() == []
    plane.halt(master.stream, lift=True)
    copier.resume()
    assert [delivery.action for delivery in plane.deliveries([copier])] == ["OPEN"]
