"""The report of an account: how it stands, what is paused for it, when that ends, and what led there."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.db.plane import START, Copier, Master, Plane

pytestmark = pytest.mark.core


def report(plane: Plane, account: int) -> list[dict[str, Any]]:
    cursor = plane.operator.cursor(row_factory=dict_row)
    return cursor.execute("select * from trust.report(%s)", [account]).fetchall()


def test_who_did_nothing_wrong_has_a_hundred(plane: Plane, master: Master, copier: Copier) -> None:
    for account, role, lane in ((master.account, "provider", master.lane), (copier.account, "subscriber", copier.lane)):
        (row,) = report(plane, account)
        assert (row["role"], row["lane"], row["score"], row["is_trusted"]) == (role, lane, 100, True)
        assert (row["paused"], row["counts"], row["events"], row["regained_at"]) == ([], {}, [], None)


def test_a_provider_sees_what_it_paid_for_and_until_when(plane: Plane, master: Master) -> None:
    signal = master.signal("OPEN")
    master.send(signal.forged(), signal.forged(), *[signal.but(session=None) for _ in range(3)])
    plane.tick(hours=1)
    (row,) = report(plane, master.account)
    assert (row["score"], row["is_trusted"], row["paused"]) == (20, False, [f"stream {master.name}"])
    assert row["counts"] == {"TRS03": 2}
    # Three days make 30 points.
    assert (row["last_incident_at"], row["regained_at"]) == (START, START + timedelta(days=3))
    newest, oldest = row["events"]
    assert (newest["score_after"], oldest["score_before"], oldest["points"]) == (20, 100, -40)
    assert (oldest["code"], oldest["meaning"]) == ("TRS03", "invalid signature, of a signal or a resync")
    assert (oldest["stream_id"], oldest["epoch"], oldest["seq"]) == (master.stream, 1, 1)


def test_it_is_trusted_again_when_it_was_said(plane: Plane, master: Master) -> None:
    signal = master.signal("OPEN")
    master.send(signal.forged(), signal.forged())
    regained = report(plane, master.account)[0]["regained_at"]
    for at, trusted in ((regained - timedelta(seconds=1), False), (regained, True)):
        plane.set_clock(at)
        plane.value("select trust.scan()")
        assert report(plane, master.account)[0]["is_trusted"] == trusted


def test_a_subscriber_sees_what_is_paused_and_who_reset_it(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN")
    copier.receives()
    copier.reports(1, "REJECTED", code="TRG02")
    plane.reset_trust(copier.account, "subscriber", 30, "a drill", "Ada")
    (row,) = report(plane, copier.account)
    assert row["paused"] == [f"subscription {copier.subscription}"]
    assert row["counts"] == {"TRG02": 1}
    assert [(each["code"], each["actor"], each["reason"]) for each in row["events"]] == [
        ("RESET", "Ada", "a drill"),
        ("TRG02", "signals.report", None),
    ]


def test_who_is_both_has_a_row_for_each(plane: Plane) -> None:
    account = plane.account("provider", "subscriber", lane=1)
    for lane in (3, 2):
        plane.master(account=account, lane=lane)
    assert [(row["role"], row["lane"]) for row in report(plane, account)] == [
        ("provider", 2),
        ("provider", 3),
        ("subscriber", 1),
    ]


def test_the_newest_twenty_events_are_told(plane: Plane, copier: Copier) -> None:
    for score in range(50, 75):
        plane.reset_trust(copier.account, "subscriber", score)
    (row,) = report(plane, copier.account)
    assert [each["score_after"] for each in row["events"]] == list(range(74, 54, -1))


def test_an_unknown_account_is_refused(plane: Plane) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        report(plane, 999_999)
    assert refusal.value.sqlstate == "TRT01"
