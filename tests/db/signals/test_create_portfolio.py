"""Portfolios: the accounts at brokers into which a subscriber copies."""

import json

import psycopg
import pytest

from tests.db.plane import Plane

pytestmark = pytest.mark.core


def test_a_portfolio_lives_in_its_account_s_lane(plane: Plane) -> None:
    portfolio = plane.portfolio(plane.account("subscriber", lane=6), "Broker A", "NETTING", "EUR")
    row = plane.record("select * from signals.portfolios")
    assert (row["lane"], row["portfolio_id"], row["name"]) == (6, portfolio, "Broker A")
    assert (row["mode"], row["currency"], row["created_at"]) == ("NETTING", "EUR", plane.now)
    assert (row["balance"], row["equity"], row["is_protected"]) == (None, None, False)


def test_it_is_a_hedging_account_unless_told(plane: Plane) -> None:
    plane.operator.execute("select signals.create_portfolio(%s, 'main')", [plane.account("subscriber")])
    assert plane.rows("select mode from signals.portfolios") == ["HEDGING"]


def test_names_are_unique_within_an_account(plane: Plane) -> None:
    account = plane.account("subscriber")
    plane.portfolio(account, "main")
    plane.portfolio(plane.account("subscriber"), "main")
    with pytest.raises(psycopg.Error) as refusal:
        plane.portfolio(account, "main")
    assert refusal.value.sqlstate == "TRS34"
    assert json.loads(str(refusal.value.diag.message_detail)) == {"name": "main", "rule": "portfolios_name_unique"}


@pytest.mark.parametrize(
    ("name", "mode", "currency", "rule"),
    [
        ("", "HEDGING", None, "name_length"),
        ("x" * 101, "HEDGING", None, "name_length"),
        (None, "HEDGING", None, "name_not_null"),
        ("main", "BOTH", None, "mode_known"),
        ("main", None, None, "mode_not_null"),
        ("main", "HEDGING", "euro", "currency_shape"),
    ],
)
def test_a_portfolio_keeps_its_rules(plane: Plane, name: str, mode: str, currency: str | None, rule: str) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        plane.portfolio(plane.account("subscriber"), name, mode, currency)
    assert refusal.value.sqlstate == "TRS34"
    assert json.loads(str(refusal.value.diag.message_detail))["rule"] == f"portfolios_{rule}"


def test_only_active_subscribers_have_portfolios(plane: Plane) -> None:
    suspended = plane.account("subscriber")
    plane.admin.execute("update access.accounts set status = 'SUSPENDED'")
    for account in (suspended, plane.account("provider"), 999_999):
        with pytest.raises(psycopg.Error) as refusal:
            plane.portfolio(account)
        assert refusal.value.sqlstate == "TRA08"
