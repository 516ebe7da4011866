"""Accounts: who there is."""

import json

import psycopg
import pytest

from tests.db.plane import Plane

pytestmark = pytest.mark.core


def refused_by(refusal: pytest.ExceptionInfo[psycopg.Error]) -> str:
    """The rule that was broken."""
    assert refusal.value.sqlstate == "TRA10"
    return str(json.loads(str(refusal.value.diag.message_detail))["rule"])


def test_an_account_is_active_and_public_by_a_random_id_only(plane: Plane) -> None:
    account = plane.account("provider", "subscriber")
    row = plane.record("select * from access.accounts where account_id = %s", account)
    assert row["status"] == "ACTIVE"
    assert row["roles"] == ["provider", "subscriber"]
    assert row["created_at"] == plane.now
    assert row["public_id"].version == 4


def test_lanes_are_dealt_round_robin_unless_one_is_given(plane: Plane) -> None:
    lanes = plane.rows("select core.lane_numbers()")
    dealt = [
        plane.value("select lane from access.accounts where account_id = %s", plane.account())
        for _ in range(2 * len(lanes))
    ]
    assert sorted(dealt) == sorted([*lanes, *lanes])
    given = plane.account(lane=3)
    assert plane.value("select lane from access.accounts where account_id = %s", given) == 3


@pytest.mark.parametrize(
    ("name", "roles", "rule"),
    [
        ("", ["provider"], "accounts_name_length"),
        ("x" * 101, ["provider"], "accounts_name_length"),
        (None, ["provider"], "accounts_name_not_null"),
        ("someone", None, "accounts_roles_not_null"),
        ("someone", [], "accounts_roles_known"),
        ("someone", ["emperor"], "accounts_roles_known"),
        ("someone", ["provider", "emperor"], "accounts_roles_known"),
    ],
)
def test_an_account_needs_a_name_and_known_roles(
    plane: Plane, name: str | None, roles: list[str] | None, rule: str
) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        plane.operator.execute("select access.create_account(%s, %s)", [name, roles])
    assert refused_by(refusal) == rule


def test_names_of_accounts_are_unique(plane: Plane) -> None:
    plane.account(name="Alpha")
    with pytest.raises(psycopg.Error) as refusal:
        plane.account(name="Alpha")
    assert refused_by(refusal) == "accounts_name_unique"


def test_an_account_lives_in_a_lane_that_exists(plane: Plane) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        plane.account(lane=1000)
    assert refused_by(refusal) == "accounts_lane_fk"
