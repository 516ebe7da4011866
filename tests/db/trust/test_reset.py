"""Resets: an operator's word on a score, with a reason, and kept."""

from typing import Any

import psycopg
import pytest

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


def test_a_reset_says_who_why_and_when(plane: Plane, copier: Copier) -> None:
    plane.tick(seconds=3)
    plane.reset_trust(copier.account, "subscriber", 70, "a slow line, mended", "Ada")
    event = plane.record("select * from trust.events")
    known = {
        "lane": copier.lane, "account_id": copier.account, "role": "subscriber", "code": "RESET", "points": -30,
        "score_before": 100, "score_after": 70, "actor": "Ada", "reason": "a slow line, mended",
        "occurred_at": plane.now,
    }  # fmt: skip
    assert {name: event[name] for name in known} == known
    assert plane.value("select score from trust.scores") == 70
    assert plane.verify() == {}


def test_a_reset_to_what_is_there_is_kept_too(plane: Plane, copier: Copier) -> None:
    plane.reset_trust(copier.account, "subscriber", 100)
    assert plane.rows("select points, score_after from trust.events") == [(0, 100)]


def test_a_provider_is_reset_wherever_it_has_streams(plane: Plane) -> None:
    account = plane.account("provider", lane=1)
    masters = [plane.master(account=account, lane=lane) for lane in (3, 2)]
    for master in masters:
        signal = master.signal("OPEN")
        master.send(signal.forged(), signal.forged())
        assert master.does("OPEN", seq=1).code == "TRS38"
    plane.reset_trust(account, "provider")
    assert plane.rows("select lane, score from trust.scores order by 1") == [(2, 100), (3, 100)]
    assert [master.does("OPEN", seq=2).verdict for master in masters] == ["ACCEPTED", "ACCEPTED"]


def test_one_role_is_reset_and_not_the_other(plane: Plane) -> None:
    account = plane.account("provider", "subscriber", lane=2)
    master = plane.master(account=account, lane=2)
    plane.reset_trust(account, "subscriber", 10)
    assert master.does("OPEN").verdict == "ACCEPTED"
    assert plane.rows("select role, score from trust.scores") == [("subscriber", 10)]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"account": 999_999}, "TRT01"),
        ({"account": None}, "TRT01"),
        ({"role": "provider"}, "TRT01"),
        ({"role": "operator"}, "TRT01"),
        ({"role": None}, "TRT01"),
        ({"reason": None}, "TRT02"),
        ({"reason": " "}, "TRT02"),
        ({"actor": None}, "TRT02"),
        ({"actor": ""}, "TRT02"),
        ({"score": None}, "TRT03"),
        ({"score": -1}, "TRT03"),
        ({"score": 101}, "TRT03"),
    ],
)
def test_what_cannot_be_is_refused(plane: Plane, copier: Copier, change: dict[str, Any], code: str) -> None:
    given: dict[str, Any] = {"account": copier.account, "role": "subscriber"} | change
    with pytest.raises(psycopg.Error) as refusal:
        plane.reset_trust(**given)
    assert refusal.value.sqlstate == code
    assert plane.rows("select code from trust.events") == []


def test_only_an_operator_may(plane: Plane, master: Master) -> None:
    for role in ("ecp_gateway", "ecp_auditor", "ecp_api"):
        with plane.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select trust.reset(%s, 'provider', 100, 'r', 'a')", [master.account])
