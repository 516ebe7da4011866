"""What is open when a subscriber comes, and what of it he takes over."""

from typing import Any

import pytest

from gateway import ecp_pb2 as pb
from tests.scenarios.stage import Follower, Held, Provider, Stage

pytestmark = pytest.mark.core


async def two_positions(stage: Stage) -> tuple[Provider, int, int]:
    """One of an hour ago that is in profit, and one of now that is not."""
    master = await stage.provider()
    in_profit = await master.open(price="1.06000")
    await stage.pass_time(hours=1)
    fresh = await master.open(price="1.08000")
    return master, in_profit, fresh


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({"late_join": "NONE"}, []),
        ({"late_join": "ALL"}, [0, 1]),
        ({"late_join": "NOT_IN_PROFIT"}, [1]),
        ({"late_join": "MAX_AGE", "late_join_max_age": "10 minutes"}, [1]),
        ({"late_join": "MAX_AGE", "late_join_max_age": "2 hours"}, [0, 1]),
    ],
    ids=lambda value: value.get("late_join") if isinstance(value, dict) else None,
)
async def test_late_join(stage: Stage, policy: dict[str, Any], expected: list[int]) -> None:
    master, *positions = await two_positions(stage)
    follower = await stage.follower(master, **policy)
    joined = [Held(positions[number], "EURUSD", "BUY", "0.10") for number in expected]
    assert follower.holds == joined
    # Asked again, and after a restart, it is the same.
    assert stage.find_drift() is None
    await follower.restart(lose_state=True)
    assert follower.holds == joined
    # Whatever was joined follows the master from here on; the rest stays away.
    for position in positions:
        await master.reduce(position, "0.05")
    await follower.settled()
    assert follower.holds == [held._replace(lots="0.05") for held in joined]
    for position in positions:
        await master.close(position)
    await follower.settled()
    assert follower.holds == []


async def test_why_something_was_not_joined_is_explained(stage: Stage) -> None:
    master, *_ = await two_positions(stage)
    follower = await stage.follower(master, late_join="MAX_AGE", late_join_max_age="10 minutes")
    old, fresh = follower.explain(1), follower.explain(2)
    assert (old["outcome"], old["reason"], old["threshold"]) == ("SKIPPED", "LATE_JOIN", "MAX_AGE 00:10:00")
    assert (fresh["outcome"], fresh["reason"], fresh["report"]) == ("DELIVERED", "CAUGHT_UP", "EXECUTED")


async def test_not_in_profit_is_judged_by_the_price_of_the_follower(stage: Stage) -> None:
    master, in_profit, _ = await two_positions(stage)
    follower = await stage.follower(master, late_join="NOT_IN_PROFIT")
    assert follower.copy(in_profit)["status"] == "REFUSED"
    assert sorted(report for _, report, _ in follower.reports()) == ["EXECUTED", "REJECTED"]
    assert "TRG02" in follower.events()


async def held_after(follower: Follower, position: int) -> list[Any]:
    await follower.settled()
    return [held for held in follower.holds if held.position == position]


async def test_a_pending_order_of_the_master_is_joined_as_one(stage: Stage) -> None:
    master = await stage.provider()
    position = await master.place("LIMIT", "1.05000", stop_loss="1.04000")
    await master.do(pb.AMEND, position, price="1.05500", stop_loss="1.04500")
    follower = await stage.follower(master, late_join="ALL")
    assert follower.orders == [Held(position, "EURUSD", "BUY", "0.10")]
    (order,) = follower.broker.orders.values()
    assert (order.price, order.stop_loss) == (105_500_000, 104_500_000)
    await stage.price("1.05400")
    await follower.pulse()
    assert await held_after(follower, position) == [Held(position, "EURUSD", "BUY", "0.10")]
    await master.close(position)
    assert await held_after(follower, position) == []


async def test_missed_while_nothing_might_be_opened_is_joined_afterwards(stage: Stage) -> None:
    master = await stage.provider()
    follower = await stage.follower(master, late_join="ALL")
    follower.transition("no_funds")
    position = await master.open()
    await follower.settled()
    assert follower.holds == []
    follower.transition("funded")
    assert stage.find_drift() == "1 deliveries"
    await follower.settled()
    assert follower.holds == [Held(position, "EURUSD", "BUY", "0.10")]
