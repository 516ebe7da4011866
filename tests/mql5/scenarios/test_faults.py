"""What brokers and wires do to a follower: each failure is told as what it was, and no order is sent twice for it."""

import pytest

from ops.mql5.program import Fault
from tests.mql5.scenarios.desk import ASK, BID, Desk
from tests.mql5.scenarios.wire import Wire
from tests.scenarios.stage import Held


@pytest.mark.parametrize(
    ("fault", "retcode"),
    [("REJECT", 10006), ("CLOSED", 10018), ("NO_MONEY", 10019), ("BUSY", 10024)],
)
async def test_broker_refuses_an_opening_and_is_not_asked_again(desk: Desk, fault: Fault, retcode: int) -> None:
    master = await desk.expert_master()
    copier = await desk.expert_copier(master)
    await copier.program.fault(fault)
    ticket = await master.open()
    await master.told()
    await copier.reported()
    assert copier.reports() == [("OPEN", "FAILED", "TRG04")]
    assert (await copier.holds(), await copier.deals()) == ([], [])
    await copier.program.wait_journal(rf"TRG04 .*{retcode}.*What to do: ")
    # The next is none the worse for it, and the close of what is not there does no harm.
    other = await master.open("SELL", 0.20)
    await master.program.close(ticket)
    await master.told()
    await copier.reported()
    assert await copier.holds() == [Held(other, "EURUSD", "SELL", "0.20")]


async def test_broker_refuses_a_close_twice_and_is_asked_until_it_is_done(desk: Desk) -> None:
    master = await desk.expert_master()
    copier = await desk.expert_copier(master)
    ticket = await master.open()
    await master.told()
    await copier.reported()
    await copier.program.fault("REJECT", count=2)
    await master.program.close(ticket)
    await master.told()
    await copier.reported()
    assert copier.reports() == [("OPEN", "EXECUTED", None), ("CLOSE", "EXECUTED", None)]
    assert await copier.holds() == []


async def test_broker_requotes_and_the_guard_takes_the_new_price(desk: Desk) -> None:
    master = await desk.expert_master()
    copier = await desk.expert_copier(master)
    await copier.program.fault("REQUOTE", points=3)
    ticket = await master.open()
    await master.told()
    await copier.reported()
    assert copier.reports() == [("OPEN", "EXECUTED", None)]
    assert await copier.holds() == [Held(ticket, "EURUSD", "BUY", "0.10")]
    assert len(await copier.deals()) == 1


async def test_broker_fills_an_opening_partly_and_the_plane_knows_how_much(desk: Desk) -> None:
    master = await desk.expert_master()
    copier = await desk.expert_copier(master)
    await copier.program.fault("PARTIAL")
    ticket = await master.open()
    await master.told()
    await copier.reported()
    assert await copier.holds() == [Held(ticket, "EURUSD", "BUY", "0.05")]
    held = desk.value("select held_volume from signals.copies where subscription_id = %s", copier.subscription)
    assert float(held) == 0.05
    await master.program.close(ticket)
    await master.told()
    await copier.reported()
    assert await copier.holds() == []


@pytest.mark.core
async def test_an_order_without_an_answer_is_unknown_until_its_fill_shows_up_and_is_never_sent_again(
    desk: Desk,
) -> None:
    master = await desk.expert_master()
    copier = await desk.expert_copier(master)
    await copier.program.fault("HELD")
    ticket = await master.open()
    await master.told()
    await copier.reported(doubts=True)
    assert copier.reports() == [("OPEN", "UNKNOWN", "TRG06")]
    assert await copier.holds() == []
    await copier.program.release()
    await copier.reported()
    assert copier.reports() == [("OPEN", "EXECUTED", None)]
    assert await copier.holds() == [Held(ticket, "EURUSD", "BUY", "0.10")]
    assert len(await copier.deals()) == 1


async def test_an_answer_that_is_lost_is_found_in_the_history(desk: Desk) -> None:
    master = await desk.expert_master()
    copier = await desk.expert_copier(master)
    await copier.program.fault("ANSWER_LOST")
    ticket = await master.open()
    await master.told()
    await copier.reported()
    assert copier.reports() == [("OPEN", "EXECUTED", None)]
    assert await copier.holds() == [Held(ticket, "EURUSD", "BUY", "0.10")]
    assert len(await copier.deals()) == 1


async def test_guard_refuses_an_opening_when_the_price_has_moved_too_far(desk: Desk) -> None:
    master = await desk.expert_master()
    plane = await desk.expert_copier(master, max_deviation_points=20)
    own = await desk.expert_copier(master, inputs={"InpMaxDeviationPips": 2.0})
    for copier in (plane, own):
        await copier.program.quote("EURUSD", round(BID + 0.0005, 5), round(ASK + 0.0005, 5))
    ticket = await master.open()
    await master.told()
    for copier in (plane, own):
        await copier.reported()
        assert copier.reports() == [("OPEN", "REJECTED", "TRG02")]
        assert await copier.deals() == []
        await copier.program.wait_journal("TRG02 .*What to do: ")
        await copier.program.quote("EURUSD", BID, ASK)
    other = await master.open()
    await master.program.close(ticket)
    await master.told()
    for copier in (plane, own):
        await copier.reported()
        assert await copier.holds() == [Held(other, "EURUSD", "BUY", "0.10")]


async def test_guard_refuses_an_opening_that_comes_too_late_and_never_a_close(desk: Desk) -> None:
    master = await desk.expert_master()
    async with Wire(desk.port) as wire:
        copier = await desk.expert_copier(master, port=wire.port, ttl="2 s")
        kept = await master.open()
        await master.told()
        await copier.reported()
        wire.hold("down")
        late = await master.open("SELL", 0.20)
        await master.program.close(kept)
        await master.told()
        await desk.until(desk.is_dispatched)
        expires = desk.value("select core.microseconds(core.now())") + 2_000_000
        await desk.reach(lambda: desk.value("select core.microseconds(core.now())") > expires, copier)
        wire.release("down")
        await copier.reported()
        assert copier.reports() == [
            ("OPEN", "EXECUTED", None), ("OPEN", "REJECTED", "TRG01"), ("CLOSE", "EXECUTED", None),
        ]  # fmt: skip
        assert await copier.holds() == []
        assert late != kept


async def test_guard_refuses_an_opening_that_needs_more_margin_than_is_free(desk: Desk) -> None:
    """Nobody's trust suffers for it, and with money the next is opened."""
    master = await desk.expert_master()
    copier = await desk.expert_copier(master, balance=50)
    await master.open()
    await master.told()
    await copier.reported()
    assert (copier.reports(), await copier.deals()) == ([("OPEN", "REJECTED", "TRG05")], [])
    await copier.program.wait_journal(r"TRG05 .*margin needed \d+\.\d\d, free 50\.00.*What to do: ")
    assert desk.value("select count(*) from trust.scores where score < 100") == 0
    await copier.program.command("deposit", amount=10_000)
    ticket = await master.open()
    await master.told()
    await copier.reported()
    assert await copier.holds() == [Held(ticket, "EURUSD", "BUY", "0.10")]


async def test_guard_opens_nothing_that_was_decided_before_the_subscription_was_paused(desk: Desk) -> None:
    """What it was sent while it was away; closes are as good as ever."""
    master = await desk.expert_master()
    copier = await desk.expert_copier(master)
    kept = await master.open()
    await master.told()
    await copier.reported()
    await copier.kill()
    await master.open("SELL", 0.20)
    await master.program.close(kept)
    await master.told()
    await desk.until(desk.is_dispatched)
    desk.value("select signals.transition(%s, 'user_pause', 'operator')", copier.subscription)
    await copier.launch()
    await copier.reported()
    assert copier.reports() == [("OPEN", "EXECUTED", None), ("OPEN", "REJECTED", "TRG07"), ("CLOSE", "EXECUTED", None)]
    assert await copier.holds() == []
    await copier.program.wait_journal("TRG07 .*state PAUSED_BY_USER.*What to do: ")
