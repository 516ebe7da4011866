"""Licenses: credentials that are shown once and stored as a hash."""

import json
import re
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.db.plane import Plane, digest

pytestmark = pytest.mark.core


def test_the_token_names_the_license_and_carries_32_random_bytes(plane: Plane) -> None:
    issued = plane.license(plane.account(), "publish")
    found = re.fullmatch(r"ecp_([0-9a-f]{32})_([0-9a-f]{64})", issued.token)
    assert found
    assert found[1] == issued.license_id.hex


def test_only_the_sha256_of_the_secret_is_kept(plane: Plane) -> None:
    issued = plane.license(plane.account(), "publish")
    secret = issued.token.rpartition("_")[2]
    stored = plane.record("select * from access.licenses where license_id = %s", issued.license_id)
    assert stored["secret_hash"] == digest(bytes.fromhex(secret))
    assert secret not in plane.value("select l::text from access.licenses as l")


def test_two_licenses_never_share_a_secret(plane: Plane) -> None:
    account = plane.account()
    secrets = {plane.license(account, "publish").token.rpartition("_")[2] for _ in range(50)}
    assert len(secrets) == 50


def test_a_license_lives_for_30_days_unless_told(plane: Plane) -> None:
    account = plane.account()
    plane_default = plane.operator.execute("select expires_at from access.issue_license(%s, 'api')", [account])
    assert plane_default.fetchone() == (plane.now + timedelta(days=30),)
    assert plane.license(account, "api", life=timedelta(hours=1)).expires_at == plane.now + timedelta(hours=1)


@pytest.mark.parametrize("purpose", ["publish", "subscribe", "executor", "api"])
def test_a_license_is_for_one_purpose(plane: Plane, purpose: str) -> None:
    session = plane.open_session(plane.license(plane.account(), purpose).token)
    assert (session.code, session.purpose) == (None, purpose)


@pytest.mark.parametrize(
    ("purpose", "life", "rule"),
    [
        ("everything", timedelta(days=1), "licenses_purpose_known"),
        (None, timedelta(days=1), "licenses_purpose_not_null"),
        ("api", timedelta(0), "licenses_life"),
        ("api", timedelta(days=-1), "licenses_life"),
        ("api", None, "licenses_expires_at_not_null"),
    ],
)
def test_a_license_keeps_its_rules(plane: Plane, purpose: Any, life: Any, rule: str) -> None:
    account = plane.account()
    with pytest.raises(psycopg.Error) as refusal:
        plane.license(account, purpose, life=life)
    assert refusal.value.sqlstate == "TRA11"
    assert json.loads(str(refusal.value.diag.message_detail)) == {"account": account, "rule": rule}


def test_a_license_needs_an_account(plane: Plane) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        plane.license(999_999, "api")
    assert refusal.value.sqlstate == "TRA08"
