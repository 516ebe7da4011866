"""The master's book and the follower's: reversed, netted, pending, and what a snapshot says."""

import pytest

from gateway import ecp_pb2 as pb
from ops.demo.faults import Fault
from tests.scenarios.stage import Follower, Held, Provider, Stage, entry

pytestmark = pytest.mark.core


def stops(follower: Follower) -> list[tuple[int, int]]:
    """(stop loss, take profit) of everything that is open, in points."""
    return [(held.stop_loss // 1000, held.take_profit // 1000) for held in follower.broker.positions.values()]


# Reverse


async def test_reverse_copy_with_stops(stage: Stage) -> None:
    master = await stage.provider()
    follower = await stage.follower(master, reverse=True)
    position = await master.open("BUY", stop_loss="1.06000", take_profit="1.09000")
    await follower.settled()
    assert follower.holds == [Held(position, "EURUSD", "SELL", "0.10")]
    assert stops(follower) == [(109_000, 106_000)]
    await master.do(pb.MODIFY, position, stop_loss="1.06500")
    await follower.settled()
    assert stops(follower) == [(0, 106_500)]
    await master.do(pb.MODIFY, position, stop_loss="1.07000", take_profit="1.08000")
    await master.reduce(position, "0.04")
    await follower.settled()
    assert follower.holds == [Held(position, "EURUSD", "SELL", "0.04")]
    assert stops(follower) == [(108_000, 107_000)]
    assert stage.find_drift() is None
    # Where the master takes its profit, the follower is stopped out, and tells.
    await stage.price("1.08100")
    await follower.pulse()
    assert follower.holds == []
    assert (follower.copy(position)["status"], follower.copy(position)["closed_by"]) == ("CLOSED", "FOLLOWER")
    await master.close(position)
    await follower.settled()
    assert follower.explain(master.seq)["reason"] == "NOT_COPIED"


async def test_settings_turned_round_while_a_position_is_open_leave_it_as_it_was_opened(stage: Stage) -> None:
    master = await stage.provider()
    follower = await stage.follower(master, reverse=True)
    position = await master.open("BUY", stop_loss="1.06000", take_profit="1.09000")
    await follower.settled()
    follower.set(reverse=False)
    await master.do(pb.MODIFY, position, stop_loss="1.06500", take_profit="1.08500")
    await follower.settled()
    assert stops(follower) == [(108_500, 106_500)]
    assert stage.find_drift() is None
    after = await master.open("BUY")
    await follower.settled()
    assert follower.holds == [Held(position, "EURUSD", "SELL", "0.10"), Held(after, "EURUSD", "BUY", "0.10")]


async def test_reversed_limit_order_is_a_stop_order(stage: Stage) -> None:
    master = await stage.provider()
    follower = await stage.follower(master, reverse=True)
    position = await master.place("LIMIT", "1.05000")
    await follower.settled()
    (order,) = follower.broker.orders.values()
    assert (order.order_type, order.side, order.price) == ("STOP", "SELL", 105_000_000)
    await stage.price("1.04990")
    await follower.pulse()
    assert follower.holds == [Held(position, "EURUSD", "SELL", "0.10")]
    assert follower.copy(position)["status"] == "OPEN"


# Netting


async def test_a_netting_account_follows_two_masters_in_opposite_directions(stage: Stage) -> None:
    bull, bear = await stage.provider(), await stage.provider()
    follower = await stage.follower(bull, bear, mode="NETTING")
    bought = await bull.open("BUY", "0.30")
    await follower.settled()
    sold = await bear.open("SELL", "0.10")
    await follower.settled()
    assert follower.net == {"EURUSD": "0.20"}
    await bear.open("SELL", "0.40")
    await follower.settled()
    assert follower.net == {"EURUSD": "-0.20"}
    await bull.reduce(bought, "0.10")
    await follower.settled()
    assert follower.net == {"EURUSD": "-0.40"}
    await bear.close(sold)
    await follower.settled()
    assert follower.net == {"EURUSD": "-0.30"}
    held = stage.rows("select side, held_volume::float from signals.copies where held_volume > 0 order by position_id")
    assert [tuple(row.values()) for row in held] == [("BUY", 0.10), ("SELL", 0.40)]
    await follower.pulse()
    await follower.restart(lose_state=True)
    assert stage.differences("FOLLOWER") == []
    await bear.do(pb.SNAPSHOT)
    await bull.close(bought)
    await follower.settled()
    assert follower.net == {}


async def test_two_opposite_masters_that_net_to_nothing_are_still_two_copies(stage: Stage) -> None:
    bull, bear = await stage.provider(), await stage.provider()
    follower = await stage.follower(bull, bear, mode="NETTING")
    bought = await bull.open("BUY", "0.10")
    await bear.open("SELL", "0.10")
    await follower.settled()
    assert follower.net == {}
    await follower.restart(lose_state=True)
    assert follower.net == {}
    await bull.close(bought)
    await follower.settled()
    assert follower.net == {"EURUSD": "-0.10"}


@pytest.mark.parametrize(
    ("fault", "net", "report"),
    [(Fault.ANSWER_LOST, "0.20", ("EXECUTED", None)), (Fault.ORDER_LOST, "0.30", ("FAILED", "TRG06"))],
)
async def test_an_order_without_an_answer_on_a_netting_account_is_found_in_its_history_or_given_up(
    stage: Stage, fault: Fault, net: str, report: tuple[str, str | None]
) -> None:
    """A net position cannot say what became of an order."""
    bull, bear = await stage.provider(), await stage.provider()
    follower = await stage.follower(bull, bear, mode="NETTING")
    await bull.open("BUY", "0.30")
    await follower.settled()
    follower.broker.inject(fault)
    sold = await bear.open("SELL", "0.10")
    await follower.settled()
    await follower.pulse()
    assert (follower.net, follower.reports()[1:]) == ({"EURUSD": net}, [("OPEN", *report)])
    assert stage.find_drift() is None
    await bear.close(sold)
    await follower.settled()
    assert follower.net == {"EURUSD": "0.30"}


# Snapshots


@pytest.mark.parametrize("away", [False, True], ids=["live", "away"])
async def test_a_snapshot_that_disagrees_with_the_log_is_followed_and_the_difference_recorded(
    stage: Stage, away: bool
) -> None:
    master = await stage.provider()
    follower = await stage.follower(master, late_join="ALL")
    as_it_was, closed, halved, moved, turned = [await master.open() for _ in range(5)]
    await follower.settled()
    if away:
        follower.leave()
    unknown = next(stage.tickets)
    book = [
        entry(as_it_was, "0.10"),
        entry(halved, "0.05"),
        entry(moved, "0.10", stop_loss_e8=106_000_000),
        entry(unknown, "0.20", "SELL"),
    ]
    await master.do(pb.SNAPSHOT, book=book)
    await follower.settled()
    if away:
        await follower.connect()
    assert stage.differences("MASTER") == [
        ("MISSING", closed),
        ("VOLUME", halved),
        ("STOPS", moved),
        ("MISSING", turned),
        ("UNEXPECTED", unknown),
    ]
    assert follower.holds == [
        Held(as_it_was, "EURUSD", "BUY", "0.10"),
        Held(halved, "EURUSD", "BUY", "0.05"),
        Held(moved, "EURUSD", "BUY", "0.10"),
        Held(unknown, "EURUSD", "SELL", "0.20"),
    ]
    assert follower.broker.positions[follower.copy(moved)["ticket"]].stop_loss == 106_000_000
    # The same again is no difference.
    await master.do(pb.SNAPSHOT, book=book)
    await follower.settled()
    assert len(stage.differences("MASTER")) == 5
    assert stage.find_drift() is None


async def test_a_snapshot_is_not_traded_against_the_late_join_policy(stage: Stage) -> None:
    master = await stage.provider()
    follower = await stage.follower(master)
    unknown = next(stage.tickets)
    await master.do(pb.SNAPSHOT, book=[entry(unknown, "0.20")])
    await follower.settled()
    assert follower.holds == []
    assert stage.rows("select * from signals.copies where position_id = %s", unknown) == []


async def test_a_snapshot_that_turns_a_position_round_is_followed(stage: Stage) -> None:
    """The same ticket on the other side: what is held on the wrong side must go."""
    master = await stage.provider()
    follower = await stage.follower(master, late_join="ALL")
    position = await master.open("BUY")
    await follower.settled()
    await master.do(pb.SNAPSHOT, book=[entry(position, "0.10", "SELL")])
    await follower.settled()
    assert stage.differences("MASTER") == [("SIDE", position)]
    assert [held for held in follower.holds if held.side == "BUY"] == []


# Pending orders


async def pending(stage: Stage) -> tuple[Provider, Follower, int]:
    master = await stage.provider()
    follower = await stage.follower(master)
    position = await master.place("LIMIT", "1.05000", stop_loss="1.04000", take_profit="1.09000")
    await follower.settled()
    assert follower.orders == [Held(position, "EURUSD", "BUY", "0.10")]
    return master, follower, position


async def test_a_pending_order_is_placed_amended_and_cancelled(stage: Stage) -> None:
    master, follower, position = await pending(stage)
    await master.do(pb.AMEND, position, price="1.05500", stop_loss="1.04500", take_profit="1.08000")
    await follower.settled()
    (order,) = follower.broker.orders.values()
    assert (order.price, order.stop_loss, order.take_profit) == (105_500_000, 104_500_000, 108_000_000)
    assert stage.find_drift() is None
    await master.do(pb.CANCEL, position)
    await follower.settled()
    assert (follower.orders, follower.holds) == ([], [])
    assert follower.copy(position)["status"] == "CLOSED"


@pytest.mark.parametrize("knows", [True, False], ids=["told", "not told"])
@pytest.mark.parametrize("action", [pb.CANCEL, pb.CLOSE], ids=["CANCEL", "CLOSE"])
async def test_a_pending_order_cancelled_after_it_was_filled_at_the_follower_is_closed(
    stage: Stage, action: "pb.Action", knows: bool
) -> None:
    master, follower, position = await pending(stage)
    await stage.price("1.04990")
    if knows:
        await follower.pulse()
        assert follower.holds == [Held(position, "EURUSD", "BUY", "0.10")]
    await master.do(action, position, price="1.04990")
    await follower.settled()
    assert (follower.orders, follower.holds) == ([], [])
    assert follower.copy(position)["status"] == "CLOSED"


async def test_a_pending_order_filled_at_the_master_only_is_not_opened_a_second_time(stage: Stage) -> None:
    """The follower's own order is still there, and will be filled by the follower's own market."""
    master, follower, position = await pending(stage)
    await master.open(position=position, price="1.05000", stop_loss="1.04000", take_profit="1.09000")
    await follower.settled()
    assert (follower.orders, follower.holds) == ([Held(position, "EURUSD", "BUY", "0.10")], [])
    await follower.pulse()
    assert stage.find_drift() is None
    await stage.price("1.04990")
    await follower.pulse()
    assert (follower.orders, follower.holds) == ([], [Held(position, "EURUSD", "BUY", "0.10")])
    await master.reduce(position, "0.05")
    await follower.settled()
    assert follower.holds == [Held(position, "EURUSD", "BUY", "0.05")]
    await master.close(position)
    await follower.settled()
    assert follower.holds == []


async def test_a_pending_order_filled_and_closed_at_the_master_only_leaves_nothing(stage: Stage) -> None:
    master, follower, position = await pending(stage)
    await master.open(position=position, price="1.05000")
    await master.close(position)
    await follower.settled()
    assert (follower.orders, follower.holds) == ([], [])


async def test_a_pending_order_filled_while_the_terminal_was_away_is_known_afterwards(stage: Stage) -> None:
    master, follower, position = await pending(stage)
    follower.leave()
    await master.do(pb.MODIFY, position, stop_loss="1.03000", take_profit="1.10000")
    await stage.price("1.04990")
    await follower.restart(lose_state=True)
    await follower.pulse()
    assert follower.holds == [Held(position, "EURUSD", "BUY", "0.10")]
    assert stops(follower) == [(103_000, 110_000)]
    await master.do(pb.CANCEL, position)
    await follower.settled()
    assert follower.holds == []
