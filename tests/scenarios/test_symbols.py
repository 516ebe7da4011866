"""What the master calls EURUSD, and what it is called at the broker."""

import pytest

from tests.scenarios.stage import Held, Stage

pytestmark = pytest.mark.core


@pytest.mark.parametrize(
    ("offered", "resolved"),
    [
        (["EURUSD", "GBPUSD"], "EURUSD"),
        (["EURUSD.m", "GBPUSD.m"], "EURUSD.m"),
        (["eurusd_i", "gbpusd_i"], "eurusd_i"),
        (["EURUSDpro", "EURUSD100"], "EURUSDpro"),
    ],
)
async def test_a_symbol_is_resolved(stage: Stage, offered: list[str], resolved: str) -> None:
    master = await stage.provider()
    follower = await stage.follower(master, symbols=offered)
    position = await master.open()
    await follower.settled()
    assert follower.holds == [Held(position, resolved, "BUY", "0.10")]
    await master.close(position)
    await follower.settled()
    assert follower.holds == []


async def test_two_candidates_are_refused_as_ambiguous_unless_mapped(stage: Stage) -> None:
    master = await stage.provider()
    follower = await stage.follower(master, symbols=["EURUSD", "EURUSD.m"])
    await master.open()
    await follower.settled()
    assert follower.holds == []
    told = follower.explain(1)
    assert (told["outcome"], told["reason"], told["value"]) == ("SKIPPED", "AMBIGUOUS_SYMBOL", "EURUSD, EURUSD.m")
    stage.value("select signals.map_symbol(%s::bigint, 'EURUSD', 'EURUSD.m')::text", follower.portfolio)
    position = await master.open()
    await follower.settled()
    assert follower.holds == [Held(position, "EURUSD.m", "BUY", "0.10")]
    # Without the map again: what is open is still known by the name it has.
    stage.value("select signals.map_symbol(%s::bigint, 'EURUSD', null)::text", follower.portfolio)
    await master.reduce(position, "0.05")
    await follower.settled()
    assert follower.holds == [Held(position, "EURUSD.m", "BUY", "0.05")]
    await master.close(position)
    await follower.settled()
    assert follower.holds == []


async def test_a_symbol_that_nobody_offers_is_refused(stage: Stage) -> None:
    master = await stage.provider()
    follower = await stage.follower(master, symbols=["EURUSD100", "AUDUSD"])
    await master.open()
    await follower.settled()
    assert (follower.holds, follower.explain(1)["reason"]) == ([], "UNKNOWN_SYMBOL")
