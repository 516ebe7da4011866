"""The arithmetic of the high-water mark, by itself."""

import os
import random
from decimal import Decimal

import pytest

from tests.db.plane import Plane

pytestmark = pytest.mark.core

HISTORIES = 10_000

# Settles at each of these levels of E, one after the other, from nothing.
SETTLE = """
    create or replace function pg_temp.settle(
        p_levels numeric[], p_rate numeric, p_digits integer, out fees numeric[], out mark numeric, out carried numeric
    ) language plpgsql as $$
    declare v_level numeric; v_fee record;
    begin
        mark := 0; carried := 0;
        foreach v_level in array p_levels loop
            select * into v_fee from billing.performance_fee(v_level, mark, p_rate, carried, p_digits);
            fees := fees || v_fee.fee; mark := v_fee.high_water_mark; carried := v_fee.remainder;
        end loop;
    end $$
"""


@pytest.mark.parametrize(
    ("levels", "fees"),
    [([1000, 500, 1500], [200, 0, 100]), ([1000, 500, 2000], [200, 0, 200]), ([-100, 0, 50], [0, 0, 10])],
    ids=["cumulative profit 1000, 500, 1500", "trades +1000, -500, +1500", "a loss first"],
)
def test_only_new_profit_is_charged(plane: Plane, levels: list[int], fees: list[int]) -> None:
    plane.admin.execute(SETTLE)
    found = plane.record("select * from pg_temp.settle(%s::numeric[], 0.2, 2)", levels)
    assert (found["fees"], found["mark"], found["carried"]) == (fees, max(levels), 0)


def test_however_a_period_is_cut_the_fees_are_the_rate_times_the_rise(plane: Plane, drawn_seed: int) -> None:
    """Settled at every level of profit or at any of them: to the last unit the same."""
    dice = random.Random(drawn_seed)
    plane.admin.execute(SETTLE)
    histories, rates, digits = [], [], []
    for _ in range(HISTORIES * (10 if os.environ.get("ECP_LONG") else 1)):
        trades = [Decimal(dice.randint(-30_000, 40_000)).scaleb(-2) for _ in range(dice.randint(1, 12))]
        levels = [sum(trades[: end + 1], Decimal(0)) for end in range(len(trades))]
        # The highest is always settled; of the others, any.
        top = levels.index(max(levels))
        histories.append([level for at, level in enumerate(levels) if at == top or dice.random() < 0.5])
        rates.append(Decimal(dice.randint(0, 1_000_000)).scaleb(-6))
        digits.append(dice.choice([0, 2, 6]))
    found = plane.rows(
        "select s.fees, s.mark, s.carried from unnest(%s::text[], %s::numeric[], %s::integer[])"
        " with ordinality as h (levels, rate, digits, ord),"
        " pg_temp.settle(levels::numeric[], rate, digits) as s order by ord",
        ["{" + ",".join(map(str, levels)) + "}" for levels in histories],
        rates,
        digits,
    )
    for levels, rate, places, (fees, mark, carried) in zip(histories, rates, digits, found, strict=True):
        highest = max(Decimal(0), *levels)
        due = rate * highest
        unit = Decimal(1).scaleb(-places)
        assert mark == highest
        assert sum(fees) + carried == due
        assert 0 <= carried < unit
        assert sum(fees) == due // unit * unit
        assert all(fee >= 0 and fee % unit == 0 for fee in fees)
