"""Limits on loss: what a heartbeat shows is acted on in the same moment."""

import pytest

from tests.scenarios.stage import Follower, Held, Stage

pytestmark = pytest.mark.core


def protect(stage: Stage, follower: Follower, kind: str, threshold: str, unit: str, action: str) -> int:
    sql = "select signals.protect(%s::bigint, %s::text, %s::numeric, %s::text, %s::text)"
    return int(stage.value(sql, follower.portfolio, kind, threshold, unit, action))


async def test_daily_loss_closes_all_within_the_heartbeat_that_shows_it(stage: Stage) -> None:
    master, other = await stage.provider(), await stage.provider()
    follower = await stage.follower(master, other)
    protect(stage, follower, "DAILY_LOSS", "1", "PERCENT", "CLOSE_ALL")
    positions = [await master.open(volume="0.50"), await other.open(volume="0.50")]
    pending = await master.place("LIMIT", "1.01000")
    await follower.settled()
    assert [held.lots for held in follower.holds] == ["0.50", "0.50"]
    # Of 100000: a loss of 719 is not yet one percent.
    await stage.price("1.06500")
    await follower.pulse()
    assert len(follower.holds) == 2
    await stage.price("1.06000")
    acked = await stage_of(follower)
    assert acked == 3
    await follower.settled()
    assert (follower.holds, follower.orders) == ([], [])
    assert "TRS31" in [row["code"] for row in stage.rows("select code from signals.protection_events")]
    assert {follower.copy(position)["closed_by"] for position in positions} == {"PROTECTION"}
    # Until the day is over nothing is opened, and what the master does with the closed positions is no news.
    await master.open()
    for position in (positions[0], pending):
        await master.close(position)
    await follower.settled()
    assert follower.holds == []
    reason = stage.value(
        "select reason from signals.decisions where stream_id = %s and seq = 3", master.master.stream_id
    )
    assert reason == "EQUITY_PROTECTION"
    # Another day, another loss.
    await stage.pass_time(hours=24)
    await follower.pulse()
    tomorrow = await master.open()
    await follower.settled()
    assert follower.holds == [Held(tomorrow, "EURUSD", "BUY", "0.10")]


async def stage_of(follower: Follower) -> int:
    """One heartbeat and no more; how many deliveries the plane had decided when it answered."""
    before = sum(follower.stage.newest(number) for number in follower.subscriptions)
    await follower.terminal.pulse()
    return sum(follower.stage.newest(number) for number in follower.subscriptions) - before


async def test_close_only_lets_positions_be(stage: Stage) -> None:
    master = await stage.provider()
    follower = await stage.follower(master)
    protection = protect(stage, follower, "EQUITY_FLOOR", "99500", "MONEY", "CLOSE_ONLY")
    position = await master.open(volume="1.00")
    await follower.settled()
    await stage.price("1.06500")
    await follower.pulse()
    await master.open()
    await follower.settled()
    assert follower.holds == [Held(position, "EURUSD", "BUY", "1.00")]
    assert follower.explain(2)["reason"] == "EQUITY_PROTECTION"
    stage.value("select signals.lift_protection(%s::bigint, 'operator', 'drill')::text", protection)
    stage.value("select signals.remove_protection(%s::bigint, 'operator')::text", protection)
    after = await master.open()
    await follower.settled()
    assert follower.holds == [Held(position, "EURUSD", "BUY", "1.00"), Held(after, "EURUSD", "BUY", "0.10")]


async def test_a_drawdown_that_is_lifted_does_not_reopen_what_it_closed(stage: Stage) -> None:
    master = await stage.provider()
    follower = await stage.follower(master, late_join="ALL")
    protection = protect(stage, follower, "DRAWDOWN", "500", "MONEY", "CLOSE_ALL")
    await master.open(volume="1.00")
    await follower.settled()
    await stage.price("1.06500")
    await follower.pulse()
    assert follower.holds == []
    stage.value("select signals.remove_protection(%s::bigint, 'operator')::text", protection)
    stage.find_drift()
    await follower.settled()
    await follower.restart(lose_state=True)
    assert follower.holds == []
