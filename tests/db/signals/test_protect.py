"""Protections: limits on loss, set by the operator for an account or one subscription in it."""

from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


def test_a_protection_stands_as_it_was_set(plane: Plane, copier: Copier) -> None:
    protection = plane.protect(copier.portfolio, "DRAWDOWN", "12.5", "PERCENT", "CLOSE_ALL")
    row = plane.record("select * from signals.protections")
    assert (row["protection_id"], row["portfolio_id"], row["subscription_id"]) == (protection, copier.portfolio, 0)
    assert (row["kind"], row["threshold"], row["unit"], row["action"]) == (
        "DRAWDOWN", Decimal("12.5"), "PERCENT", "CLOSE_ALL",
    )  # fmt: skip
    assert (row["triggered_at"], row["removed_at"], row["created_at"]) == (None, None, plane.now)


def test_from_then_on_new_exposure_needs_an_equity(plane: Plane, master: Master, copier: Copier) -> None:
    plane.protect(copier.portfolio, "EQUITY_FLOOR", "100")
    master.does("OPEN", 1)
    assert copier.receives() == []
    copier.beats("10000")
    master.does("OPEN", 2)
    assert [each.position_id for each in copier.receives()] == [2]
    assert copier.reasons() == ["EQUITY_UNKNOWN", "COPIED"]


def test_it_is_judged_at_once(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1)
    copier.receives()
    copier.reports(1)
    copier.beats("900")
    plane.protect(copier.portfolio, "EQUITY_FLOOR", "1000", action="CLOSE_ALL")
    assert plane.events() == ["TRS31"]
    assert [each.action for each in plane.deliveries([copier], after=1)] == ["CLOSE"]
    assert plane.verify() == {}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"kind": "WEEKLY_LOSS"}, "protections_kind_known"),
        ({"kind": None}, "kind_not_null"),
        ({"threshold": "0"}, "protections_threshold_range"),
        ({"threshold": "-1"}, "protections_threshold_range"),
        ({"threshold": "NaN"}, "protections_threshold_range"),
        ({"threshold": None}, "threshold_not_null"),
        ({"threshold": "100.01", "unit": "PERCENT"}, "protections_threshold_range"),
        ({"unit": "PIPS"}, "protections_unit_known"),
        ({"unit": None}, "unit_not_null"),
        ({"kind": "EQUITY_FLOOR", "unit": "PERCENT"}, "protections_floor_is_money"),
        ({"action": "PANIC"}, "protections_action_known"),
        ({"action": None}, "action_not_null"),
    ],
)
def test_one_that_makes_no_sense_is_refused_with_its_rule(
    plane: Plane, copier: Copier, change: dict[str, Any], rule: str
) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        plane.protect(copier.portfolio, **{"kind": "DRAWDOWN", "threshold": "5", "unit": "PERCENT"} | change)
    assert refusal.value.sqlstate == "TRS25"
    assert f'"rule": "{rule}"' in str(refusal.value.diag.message_detail)
    assert plane.value("select count(*) from signals.protections") == 0
    assert plane.rows("select is_protected from signals.portfolios") == [False]


def test_an_unknown_account_is_refused(plane: Plane) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        plane.protect(999_999, "DRAWDOWN", "5")
    assert refusal.value.sqlstate == "TRS24"


def test_a_subscription_of_another_account_is_refused(plane: Plane, master: Master, copier: Copier) -> None:
    other = plane.copier(master)
    for subscription in (other.subscription, 999_999):
        with pytest.raises(psycopg.Error) as refusal:
            plane.protect(copier.portfolio, "DRAWDOWN", "5", subscription=subscription)
        assert refusal.value.sqlstate == "TRS25"


def test_a_loss_in_percent_of_a_subscription_needs_its_capital(plane: Plane, copier: Copier) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        plane.protect(copier.portfolio, "DRAWDOWN", "5", "PERCENT", subscription=copier.subscription)
    assert refusal.value.sqlstate == "TRS25"
    plane.protect(copier.portfolio, "DRAWDOWN", "5", "MONEY", subscription=copier.subscription)
    plane.write_settings(copier.subscription, capital=1000)
    plane.protect(copier.portfolio, "DRAWDOWN", "5", "PERCENT", subscription=copier.subscription)


def test_the_gateway_sets_none(plane: Plane, copier: Copier) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        plane.gateway.execute("select signals.protect(%s, 'DRAWDOWN', 5, 'MONEY', 'NOTIFY')", [copier.portfolio])
