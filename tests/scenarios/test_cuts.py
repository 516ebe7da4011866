"""What cuts exposure arrives, whatever stands in the way, and leaves exactly what it should."""

from typing import Any

import pytest

from gateway import ecp_pb2 as pb
from tests.scenarios.stage import Held, Stage, entry

pytestmark = pytest.mark.core


async def test_fifty_positions_closed_while_away_are_all_closed_on_return_before_any_open(stage: Stage) -> None:
    master = await stage.provider()
    follower = await stage.follower(master)
    await master.publish(*[master.opening() for _ in range(50)])
    await follower.settled()
    first = master.newest - 49
    assert len(follower.holds) == 50
    follower.leave()
    closes = [master.say(pb.CLOSE, first + number, price="1.07219") for number in range(50)]
    await master.publish(*closes, *[master.opening("SELL") for _ in range(3)])
    await follower.connect()
    assert [held.side for held in follower.holds] == ["SELL"] * 3
    back = follower.broker.deals[50:]
    assert [deal.position for deal in back[:50]] == [deal.position for deal in follower.broker.deals[:50]]
    assert len(back) == 53
    assert set(follower.reports()) == {("OPEN", "EXECUTED", None), ("CLOSE", "EXECUTED", None)}


async def test_fifty_closed_while_away_come_before_older_entries_that_are_caught_up(stage: Stage) -> None:
    """The entries were made first, but are too old by now: late join tries them when everything is closed."""
    master = await stage.provider()
    follower = await stage.follower(master, late_join="ALL")
    await master.publish(*[master.opening() for _ in range(50)])
    await follower.settled()
    first = master.newest - 49
    follower.leave()
    await master.publish(*[master.opening("SELL") for _ in range(3)])
    await master.publish(*[master.say(pb.CLOSE, first + number, price="1.07219") for number in range(50)])
    await follower.settled()
    await stage.pass_time(minutes=10)
    await follower.connect()
    assert [held.side for held in follower.holds] == ["SELL"] * 3
    back = follower.broker.deals[50:]
    assert [deal.position for deal in back[:50]] == [deal.position for deal in follower.broker.deals[:50]]
    assert [deal.side for deal in back] == ["SELL"] * 53


@pytest.mark.parametrize("away", [False, True], ids=["live", "away"])
async def test_fifty_that_are_gone_from_a_snapshot_are_closed_before_what_is_new_in_it_is_opened(
    stage: Stage, away: bool
) -> None:
    """None of it was signalled: all is caught up."""
    master = await stage.provider()
    follower = await stage.follower(master, late_join="ALL")
    new = [next(stage.tickets) for _ in range(3)]
    await master.publish(*[master.opening() for _ in range(50)])
    await follower.settled()
    if away:
        follower.leave()
    await master.do(pb.SNAPSHOT, book=[entry(position, "0.10", "SELL") for position in new])
    await follower.settled()
    if away:
        await follower.connect()
    assert follower.holds == [Held(position, "EURUSD", "SELL", "0.10") for position in new]
    back = follower.broker.deals[50:]
    assert [deal.position for deal in back[:50]] == [deal.position for deal in follower.broker.deals[:50]]
    assert len(back) == 53


@pytest.mark.parametrize(
    ("cause", "state"),
    [
        ("no_funds", "LOCKED_NO_FUNDS"),
        ("toxic", "PAUSED_TOXIC"),
        ("user_pause", "PAUSED_BY_USER"),
        ("gap", "DEGRADED_GAP"),
    ],
)
async def test_closes_arrive_when_nothing_may_be_opened(stage: Stage, cause: str, state: str) -> None:
    """Wallet empty, provider toxic, user paused, history in doubt."""
    master = await stage.provider()
    follower = await stage.follower(master)
    whole, part, moved = [await master.open() for _ in range(3)]
    pending = await master.place("LIMIT", "1.05000")
    await follower.settled()
    assert follower.transition(cause) == state
    refused = await master.open()
    await follower.settled()
    assert follower.explain(master.seq)["reason"] == state
    await master.close(whole)
    await master.reduce(part, "0.04")
    await master.do(pb.MODIFY, moved, stop_loss="1.06000")
    await master.do(pb.CANCEL, pending)
    await follower.settled()
    assert follower.holds == [Held(part, "EURUSD", "BUY", "0.04"), Held(moved, "EURUSD", "BUY", "0.10")]
    assert follower.broker.positions[follower.copy(moved)["ticket"]].stop_loss == 106_000_000
    assert follower.orders == []
    await master.close(refused)
    await follower.settled()
    assert follower.explain(master.seq)["reason"] == "NOT_COPIED"
    await master.do(pb.SNAPSHOT)
    await follower.settled()
    assert follower.holds == []


async def test_ttl_passed_closes_arrive_and_entries_do_not(stage: Stage) -> None:
    master = await stage.provider()
    follower = await stage.follower(master)
    held = await master.open()
    await follower.settled()
    follower.leave()
    late = await master.open()
    await master.close(held)
    await follower.settled()
    await stage.pass_time(hours=30)
    await follower.connect()
    assert follower.holds == []
    assert follower.reports()[1:] == [("OPEN", "REJECTED", "TRG01"), ("CLOSE", "EXECUTED", None)]
    assert follower.copy(late)["status"] == "MISSED"


async def test_closes_arrive_though_wallet_empty_toxic_and_ttl_passed_at_once(stage: Stage) -> None:
    master = await stage.provider()
    follower = await stage.follower(master)
    positions = [await master.open() for _ in range(3)]
    await follower.settled()
    follower.leave()
    follower.transition("no_funds")
    follower.transition("toxic")
    for position in positions:
        await master.close(position)
    await follower.settled()
    await stage.pass_time(hours=1)
    # Nobody answers for so long: it is seen.
    assert stage.value("select signals.escalate()") == "3 deliveries escalated"
    assert stage.value("select count(*) from signals.overdue") == 3
    await follower.connect()
    assert follower.holds == []
    stage.value("select signals.escalate()")
    assert stage.value("select count(*) from signals.overdue") == 0
    assert follower.events() == ["TRS30"] * 3


async def test_a_halt_stops_entries_and_no_close(stage: Stage) -> None:
    master = await stage.provider()
    follower = await stage.follower(master)
    position = await master.open()
    await follower.settled()
    stage.operator.db.execute("select signals.halt('GLOBAL', null, 'drill', 'operator')")
    ack = await master.client.publish(master.master.stream_id, [master.opening()])
    assert list(ack.verdicts) == [pb.HALTED]
    await master.close(position)
    await follower.settled()
    assert follower.holds == []


@pytest.mark.parametrize(
    ("volume", "settings", "step", "remains", "expected"),
    [
        # Thirds: 0.333, then 0.2331, 0.1332, 0.0333.
        ("1.00", {"multiplier": "0.333"}, "0.01", ["0.70", "0.40", "0.10"], ["0.33", "0.23", "0.13", "0.03"]),
        # The broker's own step is coarser than the settings'.
        ("1.00", {"multiplier": "0.5"}, "0.05", ["0.75", "0.45", "0.15"], ["0.50", "0.35", "0.20", "0.05"]),
        # Twice the lots, and a remainder of less than a step is nothing.
        ("0.10", {"multiplier": "2", "volume_step": "0.10", "volume_min": "0.10"}, "0.01",
         ["0.09", "0.06", "0.04"], ["0.20", "0.10", "0.10", None]),
        # Capped when it was opened: what remains is in proportion to what was opened, not to what was wanted.
        ("1.00", {"volume_max": "0.40"}, "0.01", ["0.75", "0.50", "0.30"], ["0.40", "0.30", "0.20", "0.12"]),
        ("0.30", {"multiplier": "0.5", "volume_min": "0.03"}, "0.01", ["0.20", "0.10", "0.05"],
         ["0.15", "0.10", "0.05", None]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("away", [False, True], ids=["live", "away"])
async def test_three_partial_closes_with_rounding_leave_the_target(
    stage: Stage,
    volume: str,
    settings: dict[str, Any],
    step: str,
    remains: list[str],
    expected: list[str | None],
    away: bool,
) -> None:
    master = await stage.provider()
    follower = await stage.follower(master, step=step, **settings)
    position = await master.open(volume=volume)
    await follower.settled()
    held = [follower.holds]
    if away:
        follower.leave()
    for left in remains:
        await master.reduce(position, left)
        await follower.settled()
        held.append(follower.holds)
    if away:
        await follower.connect()
        held[1:] = [follower.holds]
        expected = [expected[0], expected[-1]]
    assert held == [[Held(position, "EURUSD", "BUY", lots)] if lots else [] for lots in expected]
    assert stage.find_drift() is None
    await follower.pulse()
    assert stage.differences("FOLLOWER") == []
    await master.close(position)
    await follower.settled()
    assert follower.holds == []


async def test_a_partial_close_that_overtakes_nothing_is_not_done_twice(stage: Stage) -> None:
    """The broker did it, the plane does not know, and the target says that nothing is left to do."""
    master = await stage.provider()
    follower = await stage.follower(master)
    position = await master.open()
    await follower.settled()
    follower.terminal.die_at(lambda delivery: delivery.action == pb.PARTIAL_CLOSE)
    await master.reduce(position, "0.05")
    await stage.until(follower.terminal.died.is_set)
    await follower.restart(lose_state=True)
    assert follower.holds == [Held(position, "EURUSD", "BUY", "0.05")]
    assert len(follower.broker.deals) == 2
