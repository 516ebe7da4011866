"""Other accounts and other clocks than those at hand."""

from tests.mql5.scenarios.desk import BID, Desk
from tests.scenarios.stage import Held


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
