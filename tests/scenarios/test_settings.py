"""Settings count for what is decided after them, and by the clock that they name."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.scenarios.stage import Held, Stage

pytestmark = pytest.mark.core


async def test_a_settings_change_between_two_signals(stage: Stage) -> None:
    master = await stage.provider()
    follower = await stage.follower(master)
    before = await master.open(volume="0.10")
    await follower.settled()
    assert follower.set(multiplier=3, volume_max="0.50") == 2
    after = await master.open(volume="0.10")
    capped = await master.open(volume="1.00")
    await follower.settled()
    assert follower.holds == [
        Held(before, "EURUSD", "BUY", "0.10"),
        Held(after, "EURUSD", "BUY", "0.30"),
        Held(capped, "EURUSD", "BUY", "0.50"),
    ]
    assert [follower.explain(seq)["settings_version"] for seq in (1, 2, 3)] == [1, 2, 2]
    assert stage.find_drift() is None
    # What was opened is cut in the proportion in which it was opened.
    for position in (before, after):
        await master.reduce(position, "0.05")
    await master.reduce(capped, "0.50")
    await follower.settled()
    assert [held.lots for held in follower.holds] == ["0.05", "0.15", "0.25"]


async def test_a_symbol_that_is_filtered_out_from_now_on_is_still_closed(stage: Stage) -> None:
    master = await stage.provider()
    follower = await stage.follower(master)
    position = await master.open()
    await follower.settled()
    follower.set(excluded_symbols=["EURUSD"])
    await master.open()
    await master.reduce(position, "0.05")
    await follower.settled()
    assert follower.explain(2)["reason"] == "SYMBOL_FILTERED"
    assert follower.holds == [Held(position, "EURUSD", "BUY", "0.05")]
    await master.close(position)
    await follower.settled()
    assert follower.holds == []


# Half past five UTC is half past seven at a broker of eastern Europe in winter, and half past eight in summer.
WINTER, SUMMER = datetime(2026, 3, 27, 5, 30, tzinfo=UTC), datetime(2026, 3, 30, 5, 30, tzinfo=UTC)


async def test_daylight_saving_change_of_the_broker_clock(stage: Stage) -> None:
    await stage.set_time(WINTER)
    master = await stage.provider()
    follower = await stage.follower(
        master, zone="BROKER", hours=["Mon-Fri 08:00-17:00"], clock_offset=timedelta(hours=2)
    )
    held = await master.open()
    await follower.settled()
    assert follower.holds == []
    told = follower.explain(master.seq)
    assert (told["reason"], told["value"]) == ("OUT_OF_HOURS", "Fri 07:30")
    await stage.set_time(WINTER + timedelta(minutes=30))
    held = await master.open()
    await follower.settled()
    assert follower.holds == [Held(held, "EURUSD", "BUY", "0.10")]
    # Over the weekend the broker sets its clock forward; the next heartbeat shows it, and nothing else has to.
    await stage.set_time(SUMMER)
    follower.broker.clock_offset_us = timedelta(hours=3) // timedelta(microseconds=1)
    await follower.pulse()
    after = await master.open()
    await follower.settled()
    assert follower.holds == [Held(held, "EURUSD", "BUY", "0.10"), Held(after, "EURUSD", "BUY", "0.10")]
    # At the other end of the day, it is over an hour earlier.
    await stage.set_time(SUMMER + timedelta(hours=8, minutes=45))
    await master.open()
    await follower.settled()
    told = follower.explain(master.seq)
    assert (told["reason"], told["value"]) == ("OUT_OF_HOURS", "Mon 17:15")
    # A close knows no hours.
    for position in (held, after):
        await master.close(position)
    await follower.settled()
    assert follower.holds == []


async def test_trades_per_day_are_counted_by_the_broker_day(stage: Stage) -> None:
    """Its midnight is at nine in the evening UTC in summer; in winter it was at ten."""
    await stage.set_time(SUMMER.replace(hour=20, minute=50))
    master = await stage.provider()
    follower = await stage.follower(master, zone="BROKER", trades_per_day=1, clock_offset=timedelta(hours=3))
    first = await master.open()
    await master.open()
    await follower.settled()
    assert follower.holds == [Held(first, "EURUSD", "BUY", "0.10")]
    assert follower.explain(2)["reason"] == "TRADES_PER_DAY"
    await stage.set_time(SUMMER.replace(hour=21, minute=10))
    third = await master.open()
    await follower.settled()
    assert follower.holds == [Held(first, "EURUSD", "BUY", "0.10"), Held(third, "EURUSD", "BUY", "0.10")]
