"""Whoever is killed, at whatever moment: no order twice, no hole, and the same bytes for the same number."""

from typing import Literal

import pytest

from ops.mql5.program import Stuck
from tests.mql5.scenarios.desk import Desk, Expert, ExpertCopier, ExpertMaster
from tests.mql5.scenarios.wire import Direction, Wire
from tests.scenarios.stage import Held

BURST = 16
SIGNALS = "select epoch, seq, action, position_id from signals.signals where stream_id = %s order by epoch, seq"


async def died(expert: Expert) -> None:
    """Wait until SIGKILL has ended it."""
    assert await expert.program.wait() == -9


async def come_back(desk: Desk, expert: Expert, state: Literal["kept", "lost"]) -> None:
    if state == "lost":
        expert.lose_state()
        # Who has forgotten who he is waits for the end of his own lease.
        await desk.pass_time(seconds=20)
    await expert.launch()


async def mirrors(copier: ExpertCopier, burst: list[int]) -> None:
    """Each position of the master is held once, by one deal, and told as that."""
    await copier.reported()
    assert await copier.holds() == [
        Held(ticket, "EURUSD", "BUY", f"0.{10 + number}") for number, ticket in enumerate(burst)
    ]
    assert len(await copier.deals()) == len(burst)
    assert copier.reports() == [("OPEN", "EXECUTED", None)] * len(burst)


async def open_burst(master: ExpertMaster) -> list[int]:
    return [await master.open("BUY", round(0.10 + number / 100, 2)) for number in range(BURST)]


@pytest.mark.parametrize("state", ["kept", "lost"])
async def test_subscriber_is_killed_in_the_middle_of_a_burst_right_after_an_order(
    desk: Desk, state: Literal["kept", "lost"]
) -> None:
    master = await desk.expert_master()
    copier = await desk.expert_copier(master)
    await copier.program.command("fault", kind="NONE", count=7)
    await copier.program.fault("KILL_AFTER")
    burst = await open_burst(master)
    await master.told()
    await died(copier)
    await come_back(desk, copier, state)
    await mirrors(copier, burst)


async def test_subscriber_is_killed_right_before_an_order_and_sends_it_after_all(desk: Desk) -> None:
    master = await desk.expert_master()
    copier = await desk.expert_copier(master)
    await copier.program.command("fault", kind="NONE", count=3)
    await copier.program.fault("KILL_BEFORE")
    burst = await open_burst(master)
    await master.told()
    await died(copier)
    await come_back(desk, copier, "kept")
    await mirrors(copier, burst)


async def test_subscriber_with_a_damaged_state_file_says_so_and_repeats_nothing(desk: Desk) -> None:
    master = await desk.expert_master()
    copier = await desk.expert_copier(master)
    burst = await open_burst(master)
    await master.told()
    await copier.reported()
    await copier.kill()
    copier.damage_state()
    await desk.pass_time(seconds=20)
    await copier.launch()
    await copier.program.wait_journal("the state in .* is damaged; what was done is found in the broker's history")
    burst += [await master.open("BUY", 0.26)]
    await master.told()
    await mirrors(copier, burst)


@pytest.mark.parametrize("direction", ["up", "down"])
async def test_master_is_killed_with_signals_that_nobody_acked_and_sends_the_same_bytes(
    desk: Desk, direction: Direction
) -> None:
    """Up: the plane never got them. Down: it has them all, and its word for them is lost."""
    async with Wire(desk.port) as wire:
        master = await desk.expert_master(port=wire.port)
        copier = await desk.expert_copier(master)
        burst = [await master.open("BUY", 0.10)]
        await master.told()
        wire.hold(direction)
        burst += [await master.open("BUY", round(0.11 + number / 100, 2)) for number in range(3)]
        assert master.published() == (1, 5)
        if direction == "down":
            await master.told()
        else:
            await desk.reach(lambda: len(wire.signals()[0]) == 5, master)
            assert master.standing() == (1, 2)
        await master.kill()
        wire.cut()
        wire.release(direction)
        await master.launch()
        await master.ready()
        assert [row["action"] for row in desk.rows(SIGNALS, master.master.stream_id)] == [
            "SNAPSHOT", *["OPEN"] * 4, "SNAPSHOT",
        ]  # fmt: skip
        before, after = wire.signals()
        resent = len(after) - 1
        assert resent >= 3
        assert after[:resent] == before[-resent:]
        await mirrors(copier, burst)


async def test_master_that_lost_its_state_begins_a_new_epoch_with_what_it_holds(desk: Desk) -> None:
    master = await desk.expert_master()
    copier = await desk.expert_copier(master)
    kept, ended = await master.open("BUY", 0.10), await master.open("SELL", 0.20)
    await master.told()
    await copier.reported()
    await master.kill()
    master.lose_state()
    await desk.pass_time(seconds=20)
    # While nobody watched, the human closed one of the two.
    await master.launch(hold=True)
    await master.program.close(ended)
    await master.program.start()
    await master.program.wait_journal("it begins a new epoch")
    await master.ready()
    assert master.standing() == (2, 1)
    await desk.until(desk.is_dispatched)
    desk.find_drift()
    await copier.reported()
    assert await copier.holds() == [Held(kept, "EURUSD", "BUY", "0.10")]
    # And goes on from there.
    await master.program.close(kept)
    await master.told()
    await copier.reported()
    assert await copier.holds() == []


async def test_second_terminal_with_the_same_license_is_refused_and_told_what_to_do(desk: Desk) -> None:
    master = await desk.expert_master()
    copier = await desk.expert_copier(master)
    second = ExpertCopier(desk, copier.executable, copier.home.with_name("second"), copier.inputs)
    desk.playing.append(second)
    await second.launch()
    told = await second.program.wait_journal(r"TRA05 .*What to do: (.+)")
    assert len(told[1]) > 20
    ticket = await master.open()
    await master.told()
    await copier.reported()
    assert await copier.holds() == [Held(ticket, "EURUSD", "BUY", "0.10")]
    with pytest.raises(Stuck):
        await second.program.wait_journal("connected as", patience=0.1)
