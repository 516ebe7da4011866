"""Fee plans: versions that never change."""

from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.db.plane import Master, Plane

from .conftest import Bank

pytestmark = pytest.mark.core


def test_each_is_the_next_version_of_its_stream(plane: Plane, bank: Bank, master: Master) -> None:
    first, second = bank.plan(master.stream, flat=2), bank.plan(master.stream, performance_rate="0.2", period="DAILY")
    bank.plan(plane.master().stream)
    assert plane.rows(
        "select fee_plan_id, version, flat, performance_rate, period from billing.fee_plans"
        " where stream_id = %s order by 1",
        master.stream,
    ) == [(first, 1, 2, 0, "MONTHLY"), (second, 2, 0, Decimal("0.2"), "DAILY")]


@pytest.mark.parametrize(
    ("terms", "rule"),
    [
        ({"flat": -1}, "fee_plans_copy_fee_range"),
        ({"flat": "NaN"}, "fee_plans_copy_fee_range"),
        ({"per_lot": -1}, "fee_plans_copy_fee_range"),
        ({"minimum": 1}, "fee_plans_minimum_of_a_fee"),
        ({"performance_rate": "1.01"}, "fee_plans_rates_range"),
        ({"performance_rate": -1}, "fee_plans_rates_range"),
        ({"management_rate": "NaN"}, "fee_plans_rates_range"),
        ({"platform_share": 2}, "fee_plans_platform_share_range"),
        ({"period": "HOURLY"}, "fee_plans_period_known"),
        ({"currency": "XXX"}, "fee_plans_currency_fk"),
        ({"currency": None}, "fee_plans_currency_not_null"),
        ({"flat": None}, "fee_plans_flat_not_null"),
        ({"flat": "two"}, "value_range"),
        ({"price": 2}, "key_known"),
        ({"version": 9}, "key_known"),
    ],
)
def test_terms_that_cannot_be_are_refused_by_name(bank: Bank, master: Master, terms: dict[str, Any], rule: str) -> None:
    with pytest.raises(psycopg.Error) as raised:
        bank.plan(master.stream, **terms)
    assert raised.value.sqlstate == "TRB11"
    assert f'"{rule}"' in str(raised.value.diag.message_detail)


def test_a_stream_and_who_writes_are_needed(bank: Bank, master: Master) -> None:
    with pytest.raises(psycopg.Error) as raised:
        bank.plan(99)
    assert raised.value.sqlstate == "TRS10"
    with pytest.raises(psycopg.Error) as raised:
        bank.plan(master.stream, actor=None)
    assert raised.value.sqlstate == "TRB11"
