"""Other accounts and other clocks than those at hand."""

import pytest

from ops.demo.attribution import read_comment
from ops.demo.broker import Mode
from ops.demo.strategy import Side
from tests.mql5.scenarios.desk import BID, Desk
from tests.mql5.scenarios.wire import Wire
from tests.scenarios.stage import Held

ACTIONS = "select action from signals.signals where stream_id = %s order by epoch, seq"
APART = """
select extract(epoch from max(greatest(reported_at - executed_at, executed_at - reported_at)))
from signals.reports
where subscription_id = %s
"""


async def test_a_netting_account_holds_the_sum_and_closes_give_back_what_was_theirs(desk: Desk) -> None:
    master = await desk.expert_master()
    copier = await desk.expert_copier(master, mode="NETTING", multiplier=2)
    first = await master.open("BUY", 0.30)
    second = await master.open("SELL", 0.10)
    await master.told()
    await copier.reported()
    assert await copier.net() == {"EURUSD": 0.4}
    await master.program.close(first, 0.20)
    await master.told()
    await copier.reported()
    assert await copier.net() == {}
    await master.program.close(first)
    await master.told()
    await copier.reported()
    assert await copier.net() == {"EURUSD": -0.2}
    await master.program.close(second)
    await master.told()
    await copier.reported()
    assert await copier.net() == {}
    assert {status for _, status, _ in copier.reports()} == {"EXECUTED"}


async def test_a_pending_order_is_placed_amended_and_taken_back(desk: Desk) -> None:
    master = await desk.expert_master()
    copier = await desk.expert_copier(master)
    kept = (await master.program.place("EURUSD", "BUY_LIMIT", 0.10, 1.05)).number("order")
    ended = (await master.program.place("EURUSD", "SELL_LIMIT", 0.20, 1.09)).number("order")
    await master.program.amend(kept, 1.055, 1.04, 1.08)
    await master.told()
    await copier.reported()
    orders = {held["comment"].rpartition(".")[2]: held for held in await copier.orders()}
    assert set(orders) == {str(kept), str(ended)}
    waiting = orders[str(kept)]
    assert [waiting.real(name) for name in ("volume", "price", "sl", "tp")] == [0.1, 1.055, 1.04, 1.08]
    await master.program.cancel(ended)
    await master.told()
    await copier.reported()
    (left,) = await copier.orders()
    assert left["comment"] == waiting["comment"]
    assert {status for _, status, _ in copier.reports()} == {"EXECUTED"}


async def test_clocks_of_computers_and_brokers_that_are_wrong_or_jump_make_nothing_late(desk: Desk) -> None:
    """What counts is the plane's clock, which each measures; a broker's zone is no age."""
    master = await desk.expert_master()
    copier = await desk.expert_copier(master, ttl="5 s")
    await master.program.command("clock", jump_us=-3_600_000_000)
    await copier.program.command("clock", jump_us=7_200_000_000)
    ticket = await master.open()
    await master.told()
    await copier.reported()
    assert await copier.holds() == [Held(ticket, "EURUSD", "BUY", "0.10")]
    await copier.program.quote("EURUSD", BID, round(BID + 0.00002, 5))
    await master.program.close(ticket)
    await master.told()
    await copier.reported()
    assert copier.reports() == [("OPEN", "EXECUTED", None), ("CLOSE", "EXECUTED", None)]


async def test_a_netting_master_is_followed_entry_by_entry_through_adds_reductions_and_reversals(desk: Desk) -> None:
    """First in, first out; whether the follower's account nets as well or not."""
    master = await desk.expert_master(mode="NETTING")
    hedging = await desk.expert_copier(master)
    netting = await desk.expert_copier(master, mode="NETTING")

    async def trade(side: Side, volume: float) -> int:
        """The entry's number."""
        done = await master.program.trade("EURUSD", side, volume)
        await master.told()
        for copier in (hedging, netting):
            await copier.reported()
        assert await netting.net() == await master.net()
        return done.number("deal")

    first = await trade("BUY", 0.30)
    second = await trade("BUY", 0.20)
    assert await hedging.holds() == [Held(first, "EURUSD", "BUY", "0.30"), Held(second, "EURUSD", "BUY", "0.20")]
    await trade("SELL", 0.10)
    assert await hedging.holds() == [Held(first, "EURUSD", "BUY", "0.20"), Held(second, "EURUSD", "BUY", "0.20")]
    turned = await trade("SELL", 0.60)
    assert await hedging.holds() == [Held(turned, "EURUSD", "SELL", "0.20")]
    await trade("BUY", 0.20)
    assert (await hedging.holds(), await netting.net()) == ([], {})
    assert [row["action"] for row in desk.rows(ACTIONS, master.master.stream_id)] == [
        "SNAPSHOT", "OPEN", "OPEN", "PARTIAL_CLOSE", "CLOSE", "CLOSE", "OPEN", "CLOSE",
    ]  # fmt: skip
    for copier in (hedging, netting):
        assert {status for _, status, _ in copier.reports()} == {"EXECUTED"}


@pytest.mark.parametrize("mode", ["HEDGING", "NETTING"])
async def test_one_terminal_copies_several_masters_and_takes_none_for_the_other(desk: Desk, mode: Mode) -> None:
    """Their brokers give the same numbers to different positions."""
    masters = [await desk.expert_master() for _ in range(2)]
    copier = await desk.expert_copier(*masters, mode=mode)
    bought, sold = await masters[0].open("BUY", 0.30), await masters[1].open("SELL", 0.10)
    assert bought == sold

    async def settled() -> dict[str, float]:
        for master in masters:
            await master.told()
        await copier.reported()
        return await copier.net()

    if mode == "NETTING":
        assert await settled() == {"EURUSD": 0.2}
    else:
        await settled()
        comments = [read_comment(held["comment"]) for held in (await copier.program.book()).positions]
        assert sorted(one.subscription_id for one in comments if one) == copier.subscriptions
        assert await copier.holds() == [Held(bought, "EURUSD", "BUY", "0.30"), Held(sold, "EURUSD", "SELL", "0.10")]
    await copier.kill()
    await masters[0].program.close(bought)
    await copier.launch()
    assert await settled() == {"EURUSD": -0.1}
    await masters[1].program.close(sold)
    assert await settled() == {}
    assert copier.reports() == [("OPEN", "EXECUTED", None), ("CLOSE", "EXECUTED", None)] * 2


@pytest.mark.parametrize("jump_s", [-3600, 3600])
async def test_a_computers_clock_that_jumps_makes_nothing_younger_or_older(desk: Desk, jump_s: int) -> None:
    master = await desk.expert_master()
    async with Wire(desk.port) as wire:
        copier = await desk.expert_copier(master, port=wire.port, ttl="3 s")
        for expert in (master, copier):
            await expert.program.command("clock", jump_us=jump_s * 1_000_000)
        fresh = await master.open()
        await master.told()
        await copier.reported()
        wire.hold("down")
        await master.open("SELL")
        await master.told()
        await desk.until(desk.is_dispatched)
        expires = desk.value("select core.microseconds(core.now())") + 3_000_000
        await desk.reach(lambda: desk.value("select core.microseconds(core.now())") > expires, copier)
        wire.release("down")
        await copier.reported()
        assert copier.reports() == [("OPEN", "EXECUTED", None), ("OPEN", "REJECTED", "TRG01")]
        assert await copier.holds() == [Held(fresh, "EURUSD", "BUY", "0.10")]


async def test_daylight_saving_of_brokers_moves_neither_ages_nor_the_times_of_reports(desk: Desk) -> None:
    """An hour ahead in spring, with a position open, and back in autumn."""
    master = await desk.expert_master()
    copier = await desk.expert_copier(master, ttl="5 s")
    held = []
    for zone_s in (7200, 10_800, 7200):
        for expert in (master, copier):
            await expert.program.command("account", zone_s=zone_s)
        held.append(await master.open())
        await master.told()
        await copier.reported()
    for ticket in held:
        await master.program.close(ticket)
    await master.told()
    await copier.reported()
    assert copier.reports() == [("OPEN", "EXECUTED", None)] * 3 + [("CLOSE", "EXECUTED", None)] * 3
    assert desk.value(APART, copier.subscription) < 60
