"""What-if: the real rules over other settings, and not a trace of it afterwards."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.db.plane import Copier, Master, Plane

pytestmark = pytest.mark.core


def what_if(plane: Plane, copier: Copier, settings: dict[str, Any], **period: Any) -> list[dict[str, Any]]:
    begin, end = plane.now - timedelta(hours=12), plane.now + timedelta(hours=12)
    with plane.operator.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return cursor.execute(
            "select * from signals.what_if(%s, %s, %s, %s)",
            [copier.subscription, Jsonb(settings), period.get("begin", begin), period.get("end", end)],
        ).fetchall()


def lots(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(row["action"], row["reason_then"], row["volume_then"], row["reason"], row["volume"]) for row in rows]


def test_other_settings_are_shown_beside_what_was_decided(plane: Plane, master: Master) -> None:
    copier = plane.copier(master, volume_min="0.05", volume_step="0.05")
    master.does("OPEN", 1, volume="0.10")
    master.does("OPEN", 2, volume="0.04")
    master.does("PARTIAL_CLOSE", 1, volume="0.05")
    copier.receives()
    rows = what_if(plane, copier, {"volume_min": 0.01, "volume_step": 0.01, "multiplier": 0.5, "reverse": True})
    assert lots(rows) == [
        ("OPEN", "COPIED", Decimal("0.10"), "COPIED", Decimal("0.05")),
        ("OPEN", "BELOW_MINIMUM", None, "COPIED", Decimal("0.02")),
        ("PARTIAL_CLOSE", "COPIED", Decimal("0.05"), "COPIED", Decimal("0.02")),
    ]
    assert [row["copy_side"] for row in rows] == ["SELL"] * 3
    assert rows[0]["formula"] == "0.1 lots x 0.5 = 0.05, down to step 0.01 = 0.05, within 0.01 to 100"
    assert rows[0]["notional"] == Decimal(5500)


def test_without_changes_it_is_what_was_decided(plane: Plane, master: Master, copier: Copier) -> None:
    for action in ("OPEN", "MODIFY", "PARTIAL_CLOSE", "CLOSE", "CLOSE"):
        master.does(action, 1, volume="0.10")
    copier.receives()
    rows = what_if(plane, copier, {})
    assert [(row["reason"], row["volume"]) for row in rows] == [
        (row["reason_then"], row["volume_then"]) for row in rows
    ]
    assert len(rows) == 5


def test_a_signal_is_judged_by_the_time_it_came(plane: Plane, master: Master) -> None:
    copier = plane.copier(master, ttl="400 ms")
    master.does("OPEN", 1)
    plane.tick(milliseconds=450)
    copier.receives()
    plane.tick(hours=3)
    assert lots(what_if(plane, copier, {}))[0][1:4] == ("TTL_EXPIRED", None, "COPIED")


def test_what_was_open_when_the_period_began_is_managed(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1)
    plane.tick(hours=2)
    begin = plane.now
    master.does("OPEN", 2)
    master.does("CLOSE", 2)
    copier.receives()
    rows = what_if(plane, copier, {}, begin=begin)
    assert [(row["action"], row["reason"]) for row in rows] == [("OPEN", "COPIED"), ("CLOSE", "COPIED")]


def test_the_period_ends_before_its_end(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1)
    plane.tick(hours=1)
    end = plane.now
    master.does("OPEN", 2)
    copier.receives()
    assert [row["seq"] for row in what_if(plane, copier, {}, end=end)] == [1]


def test_a_subscriber_is_shown_what_came_before_its_subscription_and_nothing_after_its_end(
    plane: Plane, master: Master
) -> None:
    master.does("OPEN", 1)
    plane.tick(hours=1)
    copier = plane.copier(master)
    master.does("OPEN", 2)
    copier.receives()
    plane.tick(hours=1)
    plane.transition(copier.subscription, "end")
    master.does("OPEN", 3)
    plane.tick(hours=1)
    token = plane.license(copier.account, "api").token
    ask = "select seq from signals.what_if(%s, '{}', core.now() - %s, core.now() + interval '1 hour')"
    with plane.connect("ecp_tenant") as tenant, tenant.transaction():
        tenant.execute("select access.act_for(%s)", [token])
        whole, after = (
            tenant.execute(ask, [copier.subscription, timedelta(minutes=minutes)]).fetchall() for minutes in (600, 30)
        )
    assert (whole, after) == ([(1,), (2,)], [])
    assert [row["seq"] for row in what_if(plane, copier, {})] == [1, 2, 3]


def test_cost_is_what_the_follower_s_own_fills_strayed(plane: Plane, master: Master, copier: Copier) -> None:
    for position in (1, 2):
        master.does("OPEN", position, price="1.10000", volume="0.10")
    copier.receives()
    copier.reports(1, ticket=1, price="1.10002")
    copier.reports(2, ticket=2, price="1.10004")
    rows = what_if(plane, copier, {"multiplier": 2})
    assert [row["cost"] for row in rows] == [Decimal("0.6")] * 2


def test_the_portfolio_s_symbols_and_equity_are_used(plane: Plane, master: Master, copier: Copier) -> None:
    plane.admin.execute("update signals.portfolios set equity = 10000, balance = 10000, stated_at = core.now()")
    plane.map_symbol(copier.portfolio, "EURUSD", "EURUSD.m")
    master.does("OPEN", 1, volume="1", balance="20000")
    copier.receives()
    (row,) = what_if(plane, copier, {"sizing": "BALANCE_RATIO"})
    assert (row["copy_symbol"], row["volume"]) == ("EURUSD.m", Decimal("0.5"))


def test_nothing_is_left_behind(plane: Plane, master: Master, copier: Copier) -> None:
    master.does("OPEN", 1)
    copier.receives()

    def everything() -> list[Any]:
        return plane.rows(
            "select 'lane ' || lane::text from core.lanes union all select name from access.accounts"
            " union all select subscription_id::text || version || multiplier from signals.copy_settings"
            " union all select epoch || '/' || seq from signals.dispatch_cursors"
            " union all select inputs::text from signals.decisions union all select status from signals.copies"
            " union all select position_id::text from signals.positions order by 1"
        )

    before = everything()
    assert len(what_if(plane, copier, {"multiplier": 7})) == 1
    assert everything() == before
    assert plane.verify() == {}


@pytest.mark.parametrize(
    ("settings", "begin_hours", "end_hours", "code"),
    [
        ({"multiplier": -1}, -1, 1, "TRS20"),
        ({"colour": "red"}, -1, 1, "TRS20"),
        ({}, 1, 1, "TRS36"),
        ({}, 1, -1, "TRS36"),
        ({}, 0, 24 * 31 + 1, "TRS36"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_code(
    plane: Plane, copier: Copier, settings: dict[str, Any], begin_hours: int, end_hours: int, code: str
) -> None:
    begin, end = (plane.now + timedelta(hours=hours) for hours in (begin_hours, end_hours))
    with pytest.raises(psycopg.Error) as refusal:
        what_if(plane, copier, settings, begin=begin, end=end)
    assert refusal.value.sqlstate == code


def test_an_unknown_subscription_is_refused(plane: Plane) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        plane.operator.execute("select * from signals.what_if(999999, '{}', core.now() - interval '1 day', core.now())")
    assert refusal.value.sqlstate == "TRS17"
