"""However often it was sent, and whoever died in between: one position for one entry."""

from dataclasses import replace

import pytest

from gateway import ecp_pb2 as pb
from gateway.client import Client, Refusal
from ops.demo.bars import E8
from ops.demo.faults import Fault
from ops.demo.terminal import FAITHFUL, Habits, Terminal
from tests.scenarios.stage import Held, Stage

pytestmark = pytest.mark.core

ASKS_NOBODY = replace(FAITHFUL, reads_history=False)


async def test_the_same_entry_sent_six_times_from_two_machines_is_one_position(stage: Stage) -> None:
    master = await stage.provider()
    follower = await stage.follower(master)
    other_license = stage.value(
        "select i.token from signals.streams as s cross join lateral access.issue_license(s.account_id, 'publish') as i"
        " where s.stream_id = %s",
        master.master.stream_id,
    )
    machines = [master.client, await Client.connect("127.0.0.1", stage.port, other_license)]
    stage.clients += machines
    entry = master.opening()
    verdicts: list[int] = []
    for number in range(6):
        machine = machines[number % 2]
        await machine.open_stream(master.master.stream)
        verdicts += (await machine.publish(master.master.stream_id, [entry])).verdicts
    assert verdicts == [pb.ACCEPTED] + [pb.DUPLICATE] * 5
    await follower.settled()
    assert follower.holds == [Held(master.newest, "EURUSD", "BUY", "0.10")]
    assert follower.reports() == [("OPEN", "EXECUTED", None)]


async def test_the_same_entry_signed_anew_six_times_is_one_position(stage: Stage) -> None:
    """A master that restarts and does not know what it has sent."""
    master = await stage.provider()
    follower = await stage.follower(master)
    position = await master.open()
    for _ in range(5):
        await master.open(position=position)
    await follower.settled()
    assert follower.holds == [Held(position, "EURUSD", "BUY", "0.10")]
    assert follower.explain(6)["reason"] == "ALREADY_COPIED"


@pytest.mark.parametrize("lose_state", [False, True], ids=["state kept", "state lost"])
async def test_ea_restarts_in_the_middle_of_a_burst_without_repeat_or_hole(stage: Stage, lose_state: bool) -> None:
    master = await stage.provider()
    follower = await stage.follower(master)
    follower.terminal.die_at(lambda delivery: delivery.delivery_seq == 8)
    burst = [master.opening(volume=f"0.{10 + number}") for number in range(20)]
    await master.publish(*burst)
    await stage.until(follower.terminal.died.is_set)
    assert len(follower.broker.positions) == 8
    await follower.restart(lose_state=lose_state)
    first = master.newest - 19
    assert follower.holds == [Held(first + number, "EURUSD", "BUY", f"0.{10 + number}") for number in range(20)]
    assert len(follower.broker.deals) == 20
    assert follower.reports() == [("OPEN", "EXECUTED", None)] * 20
    # And what was told as the answer before the restart is what is known now.
    assert stage.find_drift() is None


async def test_of_two_copiers_with_one_license_one_works_and_the_other_is_told_why(stage: Stage) -> None:
    master = await stage.provider()
    follower = await stage.follower(master)
    second = Terminal(follower.token, stage.port, follower.broker, follower.subscriptions)
    with pytest.raises(Refusal) as told:
        await second.connect()
    assert (told.value.code, told.value.fatal) == ("TRA05", True)
    assert told.value.hint
    position = await master.open()
    await follower.settled()
    assert follower.holds == [Held(position, "EURUSD", "BUY", "0.10")]


async def test_of_two_copiers_of_one_subscription_the_first_is_ended_and_told_why(stage: Stage) -> None:
    """Two licenses of one account: the newer copier has the subscription."""
    master = await stage.provider()
    follower = await stage.follower(master)
    first = follower.terminal.client
    account = stage.value("select account_id from signals.portfolios where portfolio_id = %s", follower.portfolio)
    token = stage.operator.license(account, "subscribe")
    second = Terminal(token, stage.port, follower.broker, follower.subscriptions)
    stage.run(second)
    await second.connect()
    position = await master.open()
    await stage.until(lambda: second.last == 1 and second.idle)
    assert follower.holds == [Held(position, "EURUSD", "BUY", "0.10")]
    second.disconnect()
    with pytest.raises(Refusal) as told:
        await first.heartbeat()
    assert (told.value.code, told.value.fatal) == ("TRA06", True)


async def test_timeout_after_send_then_the_fill_shows_up(stage: Stage) -> None:
    master = await stage.provider()
    follower = await stage.follower(master)
    follower.broker.inject(Fault.HELD)
    position = await master.open()
    await follower.settled()
    assert (follower.holds, follower.reports()) == ([], [("OPEN", "UNKNOWN", "TRG06")])
    # While the outcome is open nothing is tried again, whoever asks.
    assert stage.find_drift() is None
    follower.broker.release()
    await follower.pulse()
    assert follower.holds == [Held(position, "EURUSD", "BUY", "0.10")]
    assert follower.reports() == [("OPEN", "EXECUTED", None)]
    assert follower.copy(position)["status"] == "OPEN"
    await master.close(position)
    await follower.settled()
    assert follower.holds == []


@pytest.mark.parametrize("late_join", ["NONE", "ALL"])
async def test_timeout_after_send_then_the_book_shows_the_fill(stage: Stage, late_join: str) -> None:
    master = await stage.provider()
    follower = await stage.follower(master, habits=ASKS_NOBODY, late_join=late_join)
    follower.broker.inject(Fault.ANSWER_LOST)
    position = await master.open()
    await follower.settled()
    assert follower.reports() == [("OPEN", "UNKNOWN", "TRG06")]
    await follower.pulse()
    assert follower.holds == [Held(position, "EURUSD", "BUY", "0.10")]
    assert follower.reports() == [("OPEN", "EXECUTED", None)]


async def test_timeout_of_what_arrives_after_the_return_is_settled_before_the_net_book_is_told(stage: Stage) -> None:
    master = await stage.provider()
    # Hangs until it has said all that it says first.
    follower = await stage.follower(master, mode="NETTING", habits=Habits(hangs_every=1, hangs_s=0.2))
    follower.leave()
    await master.open()
    await follower.settled()
    follower.broker.inject(Fault.ORDER_LOST)
    await follower.connect()
    assert follower.reports() == [("OPEN", "FAILED", "TRG06")]
    assert stage.find_drift() is None


@pytest.mark.parametrize(("late_join", "openings"), [("NONE", 0), ("ALL", 1)])
async def test_timeout_after_send_and_it_never_was_filled(stage: Stage, late_join: str, openings: int) -> None:
    master = await stage.provider()
    follower = await stage.follower(master, late_join=late_join)
    follower.broker.inject(Fault.ORDER_LOST)
    position = await master.open()
    await follower.settled()
    assert stage.find_drift() is None
    await follower.pulse()
    assert follower.holds == []
    await stage.pass_time(seconds=30)
    await follower.pulse()
    assert follower.holds == [Held(position, "EURUSD", "BUY", "0.10")] * openings
    assert follower.reports() == [("OPEN", "FAILED", "TRR06")] + [("OPEN", "EXECUTED", None)] * openings
    await master.close(position)
    await follower.settled()
    assert follower.holds == []


async def test_never_filled_and_amended_before_that_was_known_it_is_tried_again(stage: Stage) -> None:
    """The amendment was on its way while the book told that there is nothing to amend."""
    master = await stage.provider()
    follower = await stage.follower(master, habits=ASKS_NOBODY, late_join="ALL")
    follower.broker.inject(Fault.ORDER_LOST)
    position = await master.place("LIMIT", "1.05000")
    await follower.settled()
    await stage.pass_time(seconds=30)
    client = follower.terminal.client
    client.pause_reading()
    await master.do(pb.AMEND, position, price="1.05500")
    await stage.until(lambda: stage.newest(follower.subscription) == 2)
    told = client.request(pb.Book(subscription_id=follower.subscription, last_processed=1))
    await stage.until(lambda: follower.reports() == [("PLACE", "FAILED", "TRR06")])
    client.resume_reading()
    assert (await told).settled == 1
    await follower.settled()
    assert follower.orders == [Held(position, "EURUSD", "BUY", "0.10")]
    assert [order.price for order in follower.broker.orders.values()] == [105_500_000]


async def test_a_fill_that_shows_up_after_the_book_denied_it_is_not_held_twice(stage: Stage) -> None:
    """The worst case: settled as never done, tried again by late join, and then the first order is filled as well."""
    master = await stage.provider()
    follower = await stage.follower(master, late_join="ALL")
    follower.broker.inject(Fault.HELD)
    position = await master.open()
    await follower.settled()
    await stage.pass_time(seconds=30)
    await follower.pulse()
    assert follower.holds == [Held(position, "EURUSD", "BUY", "0.10")]
    follower.broker.release()
    await follower.pulse()
    assert sum(held.volume for held in follower.broker.positions.values()) == E8 // 10


async def test_closed_by_the_master_while_in_doubt_a_fill_that_shows_up_is_closed(stage: Stage) -> None:
    master = await stage.provider()
    follower = await stage.follower(master, habits=ASKS_NOBODY)
    follower.broker.inject(Fault.HELD)
    position = await master.open()
    await master.close(position)
    await follower.settled()
    follower.broker.release()
    await follower.pulse()
    assert follower.holds == []
    assert follower.copy(position)["status"] == "CLOSED"


async def test_broker_rejects_an_entry(stage: Stage) -> None:
    master = await stage.provider()
    follower = await stage.follower(master)
    follower.broker.inject(Fault.REJECT)
    position = await master.open()
    await follower.settled()
    assert (follower.holds, follower.reports()) == ([], [("OPEN", "FAILED", "TRG04")])
    assert follower.events() == ["TRG04"]
    await master.close(position)
    await follower.settled()
    assert follower.reports()[1:] == [("CLOSE", "REJECTED", "TRG03")]
    assert follower.copy(position)["status"] == "CLOSED"


async def test_broker_rejects_a_close_until_it_does_not(stage: Stage) -> None:
    master = await stage.provider()
    follower = await stage.follower(master)
    position = await master.open()
    await follower.settled()
    follower.broker.inject(*[Fault.REJECT] * 3)
    await master.close(position)
    await follower.settled()
    assert follower.reports()[1:] == [("CLOSE", "FAILED", "TRG04")]
    assert follower.holds == [Held(position, "EURUSD", "BUY", "0.10")]
    assert stage.value("select signals.find_drift()") == "1 deliveries"
    await follower.settled()
    assert follower.holds == []
    assert follower.reports()[2:] == [("CLOSE", "EXECUTED", None)]


async def test_broker_requotes(stage: Stage) -> None:
    master = await stage.provider()
    follower = await stage.follower(master)
    follower.broker.inject(Fault.REQUOTE)
    position = await master.open()
    await follower.settled()
    assert follower.holds == [Held(position, "EURUSD", "BUY", "0.10")]
    assert follower.reports() == [("OPEN", "EXECUTED", None)]
    assert follower.explain(1)["slippage"] > 0


async def test_broker_requotes_beyond_the_deviation_that_is_allowed(stage: Stage) -> None:
    master = await stage.provider()
    follower = await stage.follower(master, max_deviation_points=2)
    follower.broker.inject(Fault.REQUOTE)
    await master.open()
    await follower.settled()
    assert (follower.holds, follower.reports()) == ([], [("OPEN", "REJECTED", "TRG02")])


async def test_broker_fills_an_entry_partly(stage: Stage) -> None:
    master = await stage.provider()
    follower = await stage.follower(master)
    follower.broker.inject(Fault.PARTIAL)
    position = await master.open()
    await follower.settled()
    assert follower.holds == [Held(position, "EURUSD", "BUY", "0.05")]
    assert str(follower.copy(position)["held_volume"].normalize()) == "0.05"
    await master.reduce(position, "0.06")
    await follower.settled()
    assert follower.holds == [Held(position, "EURUSD", "BUY", "0.05")]
    await master.reduce(position, "0.03")
    await follower.settled()
    assert follower.holds == [Held(position, "EURUSD", "BUY", "0.03")]
    assert stage.find_drift() is None
    await master.close(position)
    await follower.settled()
    assert follower.holds == []
    assert follower.copy(position)["status"] == "CLOSED"


async def test_broker_fills_a_close_partly(stage: Stage) -> None:
    master = await stage.provider()
    follower = await stage.follower(master)
    position = await master.open()
    await follower.settled()
    follower.broker.inject(Fault.PARTIAL)
    await master.close(position)
    await follower.settled()
    assert follower.holds == []
    assert follower.copy(position)["status"] == "CLOSED"
