"""Lifting ends one halt, and says whether there was one."""

import psycopg
import pytest

from tests.db.plane import Master, Plane

pytestmark = pytest.mark.core

SCOPES = ["GLOBAL", "STREAM", "ACCOUNT", "SYMBOL"]


def subject(scope: str, master: Master) -> object:
    return {"STREAM": master.stream, "ACCOUNT": master.account, "SYMBOL": "EURUSD"}.get(scope)


@pytest.mark.parametrize("scope", SCOPES)
def test_a_halt_holds_until_it_is_lifted_however_often_it_was_called(plane: Plane, master: Master, scope: str) -> None:
    named = subject(scope, master)
    plane.halt(scope, named)
    plane.halt(scope, named)
    assert master.does("OPEN").verdict == "HALTED"
    assert plane.lift_halt(scope, named)
    assert master.does("OPEN").verdict == "ACCEPTED"
    assert not plane.lift_halt(scope, named)
    assert master.does("OPEN").verdict == "ACCEPTED"


@pytest.mark.parametrize("lifted", SCOPES)
def test_one_halt_is_not_lifted_with_another(plane: Plane, master: Master, lifted: str) -> None:
    for scope in SCOPES:
        plane.halt(scope, subject(scope, master))
    plane.lift_halt(lifted, subject(lifted, master))
    assert master.does("OPEN").verdict == "HALTED"
    assert plane.rows("select scope from ops.halts order by since, scope") == sorted({*SCOPES} - {lifted})


def test_what_is_not_halted_is_not_lifted(plane: Plane, master: Master) -> None:
    plane.halt("STREAM", master.stream)
    for scope, named in [("GLOBAL", None), ("STREAM", 999_999), ("STREAM", None), ("ACCOUNT", master.stream)]:
        assert not plane.lift_halt(scope, named)
    assert master.does("OPEN").code == "TRS39"
    assert plane.rows("select from audit.records where kind = 'signals.lift_halt'") == []


@pytest.mark.usefixtures("master")
def test_it_is_recorded_with_what_was_lifted(plane: Plane) -> None:
    plane.halt("SYMBOL", "EURUSD")
    plane.lift_halt("SYMBOL", "EURUSD")
    row = plane.record(
        "select subject, actor, reason, before ->> 'reason' as halted_for, after"
        " from audit.records where kind = 'signals.lift_halt'"
    )
    assert row == {
        "subject": {"scope": "SYMBOL", "subject": "EURUSD"},
        "actor": "a test",
        "reason": "it is over",
        "halted_for": "a drill",
        "after": None,
    }


@pytest.mark.parametrize(("reason", "actor"), [(None, "a test"), ("over", None), (" ", "a test"), ("over", "")])
def test_it_must_be_said_who_and_why(plane: Plane, reason: str | None, actor: str | None) -> None:
    plane.halt()
    with pytest.raises(psycopg.Error) as refusal:
        plane.operator.execute("select signals.lift_halt('GLOBAL', null, %s, %s)", [reason, actor])
    assert refusal.value.sqlstate == "TRS42"
    assert plane.rows("select scope from ops.halts") == ["GLOBAL"]
