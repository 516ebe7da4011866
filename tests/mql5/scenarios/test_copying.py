"""What a human does at the master's terminal is what followers' brokers hold, as their settings make it."""

import pytest

from tests.mql5.scenarios.desk import Desk
from tests.scenarios.stage import Held


@pytest.mark.core
async def test_what_the_human_opens_modifies_halves_and_closes_is_copied(desk: Desk) -> None:
    master = await desk.expert_master()
    same = await desk.expert_copier(master)
    double = await desk.expert_copier(master, multiplier=2, volume_max="0.50")
    against = await desk.expert_copier(master, reverse=True)
    everybody = (same, double, against)

    kept = await master.open("BUY", 0.30, sl=1.06, tp=1.09)
    ended = await master.open("SELL", 0.10)
    await master.told()
    for copier in everybody:
        await copier.reported()
    assert await same.holds() == [Held(kept, "EURUSD", "BUY", "0.30"), Held(ended, "EURUSD", "SELL", "0.10")]
    assert await double.holds() == [Held(kept, "EURUSD", "BUY", "0.50"), Held(ended, "EURUSD", "SELL", "0.20")]
    assert await against.holds() == [Held(kept, "EURUSD", "SELL", "0.30"), Held(ended, "EURUSD", "BUY", "0.10")]

    await master.program.modify(kept, 1.065, 1.085)
    await master.program.close(kept, 0.20)
    await master.program.close(ended)
    await master.told()
    for copier in everybody:
        await copier.reported()
    stops = [
        (held.real("volume"), held.real("sl"), held.real("tp"))
        for copier in everybody
        for held in (await copier.program.book()).positions
    ]
    # What is left is the same part of what was opened; against the master his stops change places.
    assert stops == [(0.1, 1.065, 1.085), (0.16, 1.065, 1.085), (0.1, 1.085, 1.065)]

    await master.program.close(kept)
    await master.told()
    for copier in everybody:
        await copier.reported()
        assert await copier.holds() == []
        assert {status for _, status, _ in copier.reports()} == {"EXECUTED"}
