"""Rotation: a successor is issued, and both work until the overlap is over."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import class_row

from tests.db.plane import License, Plane

pytestmark = pytest.mark.core


def rotate(plane: Plane, license_id: UUID, **arguments: Any) -> License:
    cursor = plane.operator.cursor(row_factory=class_row(License))
    named = "".join(f", p_{name} => %({name})s" for name in arguments)
    query = f"select * from access.rotate_license(%(id)s{named})".encode()
    found = cursor.execute(query, {"id": license_id, **arguments}).fetchone()
    assert found
    return found


def test_both_licenses_work_during_the_overlap_and_only_the_new_one_after_it(plane: Plane) -> None:
    old = plane.license(plane.account(), "publish")
    new = rotate(plane, old.license_id, overlap=timedelta(hours=2))
    assert plane.open_session(old.token).code is None
    assert plane.open_session(new.token).code is None
    plane.tick(hours=2)
    assert plane.open_session(old.token).code == "TRA02"
    assert plane.open_session(new.token).code is None


def test_the_overlap_is_a_day_unless_told(plane: Plane) -> None:
    old = plane.license(plane.account(), "publish")
    rotate(plane, old.license_id)
    plane.tick(hours=23, minutes=59)
    assert plane.open_session(old.token).code is None
    plane.tick(minutes=1)
    assert plane.open_session(old.token).code == "TRA02"


def test_the_overlap_never_lengthens_the_life_of_the_old_license(plane: Plane) -> None:
    old = plane.license(plane.account(), "publish", life=timedelta(hours=1))
    rotate(plane, old.license_id, overlap=timedelta(days=7))
    plane.tick(hours=1)
    assert plane.open_session(old.token).code == "TRA02"


def test_the_successor_has_purpose_networks_and_length_of_life_of_the_old_one(plane: Plane) -> None:
    old = plane.license(plane.account(), "subscribe", "10.0.0.0/8", life=timedelta(days=5))
    plane.tick(days=1)
    new = rotate(plane, old.license_id)
    assert new.expires_at == plane.now + timedelta(days=5)
    assert new.token != old.token
    row = plane.record("select * from access.licenses where license_id = %s", new.license_id)
    assert row["purpose"] == "subscribe"
    assert plane.open_session(new.token, peer="192.0.2.1").code == "TRA04"
    assert plane.open_session(new.token, peer="10.1.2.3").code is None
    assert (
        plane.value("select replaced_by from access.licenses where license_id = %s", old.license_id) == new.license_id
    )


def test_a_running_session_outlives_the_rotation_until_the_overlap_ends(plane: Plane) -> None:
    old = plane.license(plane.account(), "publish")
    session = plane.open_session(old.token).session_id
    rotate(plane, old.license_id, overlap=timedelta(seconds=10))
    renew = "select code from access.renew_sessions('gateway-1', %s, array[0])"
    assert plane.gateway.execute(renew, [[session]]).fetchall() == [(None,)]
    plane.tick(seconds=10)
    assert plane.gateway.execute(renew, [[session]]).fetchall() == [("TRA02",)]


def test_a_license_is_rotated_once(plane: Plane) -> None:
    old = plane.license(plane.account(), "publish")
    rotate(plane, old.license_id)
    with pytest.raises(psycopg.Error) as refusal:
        rotate(plane, old.license_id)
    assert refusal.value.sqlstate == "TRA03"


def test_a_revoked_license_has_no_successor(plane: Plane) -> None:
    old = plane.license(plane.account(), "publish")
    plane.operator.execute("select access.revoke_license(%s)", [old.license_id])
    with pytest.raises(psycopg.Error) as refusal:
        rotate(plane, old.license_id)
    assert refusal.value.sqlstate == "TRA03"


def test_an_unknown_license_cannot_be_rotated(plane: Plane) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        rotate(plane, uuid4())
    assert refusal.value.sqlstate == "TRA01"
