"""Revocation: a license ends at once, and with it everything its holder is doing."""

from uuid import uuid4

import psycopg
import pytest

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


def revoke(plane: Plane, found: Master | Copier) -> None:
    plane.operator.execute("select access.revoke_license(%s)", [found.license.license_id])


def test_a_revoked_license_opens_no_session(plane: Plane, master: Master) -> None:
    revoke(plane, master)
    assert plane.open_session(master.license.token).code == "TRA03"


def test_the_master_is_refused_at_its_very_next_signal(plane: Plane, master: Master) -> None:
    assert master.does("OPEN").verdict == "ACCEPTED"
    revoke(plane, master)
    refused = master.does("OPEN")
    assert (refused.verdict, refused.code) == ("NOT_ALLOWED", "TRA06")
    assert master.resync(2)["code"] == "TRA06"


def test_the_copier_is_refused_at_its_very_next_report(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN")
    (delivery,) = copier.receives()
    revoke(plane, copier)
    assert copier.reports(delivery.delivery_seq)[1:] == ("REPORT_NOT_ALLOWED", "TRA06")
    assert copier.resume()["code"] == "TRA06"


def test_the_session_says_why_it_ended(plane: Plane, master: Master) -> None:
    revoke(plane, master)
    row = plane.record("select * from access.sessions where session_id = %s", master.session)
    assert (row["ended_at"], row["ended_by"]) == (plane.now, "REVOKED")


def test_who_revoked_it_first_and_why_is_kept(plane: Plane, master: Master) -> None:
    first = plane.now
    query = "select access.revoke_license(%s, %s, %s)"
    plane.operator.execute(query, [master.license.license_id, "the key was in a screenshot", "ada"])
    plane.tick(hours=1)
    plane.operator.execute(query, [master.license.license_id, "tidying up", "bob"])
    row = plane.record("select revoked_at, revoked_by, revoked_reason from access.licenses")
    assert row == {"revoked_at": first, "revoked_by": "ada", "revoked_reason": "the key was in a screenshot"}


def test_other_licenses_of_the_account_are_untouched(plane: Plane, master: Master) -> None:
    other = plane.license(master.account, "publish")
    revoke(plane, master)
    assert plane.open_session(other.token).code is None


def test_an_unknown_license_cannot_be_revoked(plane: Plane) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        plane.operator.execute("select access.revoke_license(%s)", [uuid4()])
    assert refusal.value.sqlstate == "TRA01"
