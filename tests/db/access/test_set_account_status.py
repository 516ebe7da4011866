"""Suspension: an account stops acting at once, by every way in, and goes on where it was."""

import json
import threading

import psycopg
import pytest

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


def set_status(
    plane: Plane, account: int | None, status: str | None, reason: str = "a drill", actor: str = "ada"
) -> None:
    plane.operator.execute("select access.set_account_status(%s, %s, %s, %s)", [account, status, reason, actor])


def test_a_suspended_master_is_refused_at_its_very_next_signal(plane: Plane, master: Master) -> None:
    assert master.does("OPEN").verdict == "ACCEPTED"
    set_status(plane, master.account, "SUSPENDED")
    refused = master.does("CLOSE", 1)
    assert (refused.verdict, refused.code) == ("NOT_ALLOWED", "TRA06")
    assert plane.record("select ended_at, ended_by from access.sessions") == {
        "ended_at": plane.now, "ended_by": "SUSPENDED",
    }  # fmt: skip


def test_a_suspended_copier_is_refused_at_its_very_next_report(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN")
    (delivery,) = copier.receives()
    set_status(plane, copier.account, "SUSPENDED")
    assert copier.reports(delivery.delivery_seq)[1:] == ("REPORT_NOT_ALLOWED", "TRA06")
    assert master.does("CLOSE", 1).verdict == "ACCEPTED"


def test_it_opens_no_session_until_it_is_reinstated(plane: Plane, master: Master) -> None:
    set_status(plane, master.account, "SUSPENDED")
    assert plane.open_session(master.license.token).code == "TRA08"
    set_status(plane, master.account, "ACTIVE")
    assert plane.open_session(master.license.token).code is None


def test_who_is_just_connecting_is_suspended_too(plane: Plane, master: Master) -> None:
    with plane.connect("ecp_gateway") as connecting:
        with plane.connect("ecp_operator") as suspending, connecting.transaction():
            assert plane.open_session(master.license.token, b"master-instance0", connection=connecting).code is None
            query = "select access.set_account_status(%s, 'SUSPENDED', 'a drill', 'ada')"
            suspension = threading.Thread(target=suspending.execute, args=[query, [master.account]])
            suspension.start()
            while not plane.value(
                "select wait_event_type = 'Lock' from pg_stat_activity where pid = %s", suspending.info.backend_pid
            ):
                pass
        suspension.join(60)
    assert plane.rows("select 1 from access.sessions where ended_at is null") == []


def test_other_accounts_go_on(plane: Plane, master: Master, copier: Copier) -> None:
    set_status(plane, copier.account, "SUSPENDED")
    assert master.does("OPEN").verdict == "ACCEPTED"


def test_closes_wait_for_its_return(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN")
    (opening,) = copier.receives()
    copier.reports(opening.delivery_seq)
    set_status(plane, copier.account, "SUSPENDED")
    master.does("CLOSE", 1)
    set_status(plane, copier.account, "ACTIVE")
    copier.connect()
    assert [delivery.action for delivery in copier.receives()] == ["CLOSE"]


def test_who_suspended_it_first_and_why_is_kept(plane: Plane, master: Master) -> None:
    set_status(plane, master.account, "SUSPENDED", "the key was in a screenshot", "ada")
    set_status(plane, master.account, "SUSPENDED", "tidying up", "bob")
    row = plane.record("select status, status_by, status_reason from ops.account_states")
    assert row == {"status": "SUSPENDED", "status_by": "ada", "status_reason": "the key was in a screenshot"}


def test_both_are_in_the_audit_trail(plane: Plane, master: Master) -> None:
    set_status(plane, master.account, "SUSPENDED", "a drill", "ada")
    set_status(plane, master.account, "ACTIVE", "the drill is over", "bob")
    trail = plane.rows(
        "select actor, reason, before ->> 'status', after ->> 'status' from audit.trail"
        " where kind = 'access.accounts UPDATE' order by xact"
    )
    assert trail == [
        ("ada", "a drill", "ACTIVE", "SUSPENDED"), ("bob", "the drill is over", "SUSPENDED", "ACTIVE"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "reason", "actor", "rule"),
    [
        ("CLOSED", "a drill", "ada", "status_known"),
        (None, "a drill", "ada", "status_known"),
        ("SUSPENDED", " ", "ada", "actor_and_reason"),
        ("SUSPENDED", "a drill", "", "actor_and_reason"),
    ],
)
def test_it_needs_a_status_a_reason_and_a_name(
    plane: Plane, master: Master, status: str | None, reason: str, actor: str, rule: str
) -> None:
    assert refused_by(plane, master.account, status, reason, actor) == rule


def test_an_account_that_is_not_there_has_no_status(plane: Plane) -> None:
    assert refused_by(plane, 999, "SUSPENDED") == "account_known"
    assert refused_by(plane, None, "SUSPENDED") == "account_known"


def test_a_closed_account_stays_closed(plane: Plane, master: Master) -> None:
    plane.admin.execute("update access.accounts set status = 'CLOSED'")
    assert refused_by(plane, master.account, "ACTIVE") == "account_closed"


def refused_by(
    plane: Plane, account: int | None, status: str | None, reason: str = "a drill", actor: str = "ada"
) -> str:
    with pytest.raises(psycopg.Error) as refusal:
        set_status(plane, account, status, reason, actor)
    assert refusal.value.sqlstate == "TRA10"
    return str(json.loads(str(refusal.value.diag.message_detail))["rule"])
