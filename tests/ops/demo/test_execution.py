"""From deliveries to orders: nothing twice, each copy its own lots, and a report of what really came of it."""

from typing import Any

import pytest

from gateway import ecp_pb2 as pb
from ops.demo.attribution import Key
from ops.demo.bars import E8
from ops.demo.broker import Mode, PaperBroker
from ops.demo.execution import ATTEMPTS, Execution
from ops.demo.faults import Fault
from ops.demo.instrument import Instrument
from ops.demo.market import Market, Moment

POINT = 1000
LOT = E8
LOSING, WINNING = 9, 8  # subscriptions


class Desk:
    """An account, its market and what executes on it; time passes by 1 µs a delivery."""

    def __init__(self, mode: Mode = "HEDGING") -> None:
        self.market = Market()
        self.time_us = 1
        self.market.tick(1, E8)
        self.broker = PaperBroker([Instrument("EURUSD", self.market, 2 * POINT)], mode=mode)
        self.execution = Execution(self.broker)
        self.seqs = {LOSING: 0, WINNING: 0}

    def do(self, action: "pb.Action", subscription: int = LOSING, **fields: Any) -> pb.Report:
        self.seqs[subscription] += 1
        return self.again(delivery(self.seqs[subscription], action, subscription, **fields))

    def again(self, found: pb.Delivery) -> pb.Report:
        self.time_us += 1
        return self.execution.execute(found, Moment(self.time_us, self.time_us))

    def move(self, price: int) -> None:
        self.time_us += 1
        self.market.tick(self.time_us, price)

    def lose_state(self) -> None:
        self.execution = Execution(self.broker)

    @property
    def open(self) -> list[tuple[str, int]]:
        """At the broker."""
        return [(held.side, held.volume) for held in self.broker.positions.values()]

    @property
    def copies(self) -> dict[tuple[int, int], int]:
        return {key: copy.volume for key, copy in self.execution.books.copies.items()}


def delivery(seq: int, action: "pb.Action", subscription: int = LOSING, **fields: Any) -> pb.Delivery:
    found = pb.Delivery(
        subscription_id=subscription, delivery_seq=seq, action=action, symbol="EURUSD", side=pb.BUY, position_id=1,
        volume_e8=LOT, price_e8=E8,
    )  # fmt: skip
    for name, value in fields.items():
        setattr(found, name, value)
    return found


def outcome(report: pb.Report) -> tuple[str, str]:
    return pb.Status.Name(report.status), report.code


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def net() -> Desk:
    return Desk("NETTING")


def test_a_trade_from_opening_to_close(desk: Desk) -> None:
    opened = desk.do(pb.OPEN, stop_loss_e8=5)
    assert (opened.status, opened.volume_e8, opened.price_e8, opened.executed_at_us) == (
        pb.EXECUTED,
        LOT,
        E8 + POINT,
        2,
    )
    desk.do(pb.MODIFY, stop_loss_e8=7, take_profit_e8=2 * E8)
    held = desk.broker.positions[opened.ticket]
    assert (held.stop_loss, held.take_profit) == (7, 2 * E8)
    part = desk.do(pb.PARTIAL_CLOSE, volume_e8=LOT // 4)
    assert (part.ticket, part.volume_e8, part.price_e8) == (opened.ticket, LOT * 3 // 4, E8 - POINT)
    closed = desk.do(pb.CLOSE)
    assert (closed.ticket, closed.volume_e8, desk.open, desk.copies) == (opened.ticket, LOT // 4, [], {})
    assert outcome(desk.do(pb.CLOSE)) == ("REJECTED", "TRG03")


def test_the_guard_is_asked_before_the_order(desk: Desk) -> None:
    assert outcome(desk.do(pb.OPEN, expires_at_us=1)) == ("REJECTED", "TRG01")
    assert outcome(desk.do(pb.OPEN, worst_price_e8=E8)) == ("REJECTED", "TRG02")
    assert outcome(desk.do(pb.OPEN, symbol="GOLD")) == ("FAILED", "TRG04")
    assert outcome(desk.do(pb.OPEN, volume_e8=1)) == ("FAILED", "TRG04")
    assert desk.open == []


def test_nothing_is_opened_twice_even_when_all_state_is_lost(desk: Desk) -> None:
    first = desk.do(pb.OPEN)
    desk.do(pb.PLACE, position_id=2, order_type=pb.LIMIT, price_e8=E8 // 2)
    desk.lose_state()
    again = desk.again(delivery(1, pb.OPEN, possible_duplicate=True))
    assert again == first
    assert desk.again(delivery(1, pb.OPEN, gap_fill=True, position_id=0)) == first
    assert desk.again(delivery(2, pb.PLACE, position_id=2, order_type=pb.LIMIT)).status == pb.EXECUTED
    assert (len(desk.broker.positions), len(desk.broker.orders)) == (1, 1)
    assert outcome(desk.again(delivery(3, pb.OPEN, position_id=3, gap_fill=True))) == ("REJECTED", "TRG01")


def test_cuts_that_come_again_after_the_state_was_lost_are_told_as_they_were(desk: Desk) -> None:
    desk.do(pb.OPEN)
    told = [desk.do(pb.PARTIAL_CLOSE, volume_e8=LOT // 2), desk.do(pb.CLOSE)]
    desk.lose_state()
    assert desk.again(delivery(2, pb.PARTIAL_CLOSE, volume_e8=LOT // 2)) == told[0]
    assert desk.again(delivery(3, pb.CLOSE)) == told[1]
    assert len(desk.broker.deals) == 3


def test_a_requoted_opening_is_taken_at_the_new_price_if_that_is_within_the_limit(desk: Desk) -> None:
    desk.broker.inject(Fault.REQUOTE, None, Fault.REQUOTE)
    assert desk.do(pb.OPEN, max_deviation_e8=3 * POINT).price_e8 == E8 + 3 * POINT
    assert outcome(desk.do(pb.OPEN, position_id=2, max_deviation_e8=2 * POINT)) == ("REJECTED", "TRG02")
    assert len(desk.open) == 1


def test_an_opening_is_refused_once_and_a_close_is_asked_for_again(desk: Desk) -> None:
    desk.broker.inject(Fault.REJECT, None, Fault.REJECT, Fault.REQUOTE, None)
    assert outcome(desk.do(pb.OPEN)) == ("FAILED", "TRG04")
    assert desk.do(pb.OPEN).status == pb.EXECUTED
    assert desk.do(pb.CLOSE).status == pb.EXECUTED
    assert desk.execution.retries == 2
    desk.do(pb.OPEN)
    desk.broker.inject(*[Fault.REJECT] * ATTEMPTS)
    assert outcome(desk.do(pb.CLOSE)) == ("FAILED", "TRG04")
    assert len(desk.open) == 1


def test_what_was_filled_in_part_is_told_as_it_is_and_closed_to_the_end(desk: Desk) -> None:
    desk.broker.inject(Fault.PARTIAL)
    assert desk.do(pb.OPEN).volume_e8 == LOT // 2
    desk.broker.inject(Fault.PARTIAL, Fault.PARTIAL)
    closed = desk.do(pb.CLOSE)
    assert (closed.volume_e8, desk.open, len(desk.broker.deals)) == (LOT // 2, [], 4)


def test_a_partial_close_to_more_than_is_held_trades_nothing(desk: Desk) -> None:
    desk.broker.inject(Fault.PARTIAL)
    desk.do(pb.OPEN)
    report = desk.do(pb.PARTIAL_CLOSE, volume_e8=LOT // 2)
    assert (report.status, report.volume_e8, desk.open) == (pb.EXECUTED, 0, [("BUY", LOT // 2)])


@pytest.mark.parametrize(("fault", "is_found"), [(Fault.ANSWER_LOST, True), (Fault.ORDER_LOST, False)])
def test_a_lost_answer_is_unknown_until_the_history_has_it(desk: Desk, fault: Fault, *, is_found: bool) -> None:
    desk.broker.inject(fault)
    assert outcome(desk.do(pb.OPEN)) == ("UNKNOWN", "TRG06")
    desk.execution.look(desk.time_us)
    assert [outcome(report) for report in desk.execution.answered()] == [("EXECUTED", "")] * is_found
    assert bool(desk.execution.unanswered) is not is_found
    assert desk.execution.books.unexpected == {}


def test_a_fill_that_shows_up_later_is_told_then(desk: Desk) -> None:
    desk.broker.inject(Fault.HELD)
    desk.do(pb.OPEN)
    assert desk.execution.answered() == []
    desk.broker.release()
    desk.execution.look(desk.time_us)
    (report,) = desk.execution.answered()
    assert (report.delivery_seq, report.status, report.volume_e8) == (1, pb.EXECUTED, LOT)
    assert desk.do(pb.CLOSE).volume_e8 == LOT


def test_a_close_without_an_answer_is_not_sent_again(desk: Desk) -> None:
    desk.do(pb.OPEN)
    desk.broker.inject(Fault.HELD)
    assert outcome(desk.do(pb.PARTIAL_CLOSE, volume_e8=LOT // 2)) == ("UNKNOWN", "TRG06")
    desk.broker.release()
    desk.execution.look(desk.time_us)
    assert [report.volume_e8 for report in desk.execution.answered()] == [LOT // 2]
    assert desk.open == [("BUY", LOT // 2)]


def test_a_stop_that_was_hit_is_told_with_the_close(desk: Desk) -> None:
    opened = desk.do(pb.OPEN, stop_loss_e8=E8 - 50 * POINT)
    desk.move(E8 - 60 * POINT)
    closed = desk.do(pb.CLOSE)
    assert (closed.status, closed.ticket, closed.volume_e8) == (pb.EXECUTED, opened.ticket, LOT)
    assert closed.price_e8 == E8 - 61 * POINT
    assert desk.execution.books.unexpected == {}


def test_a_stop_that_was_hit_is_remembered_until_the_book_tells_it(desk: Desk) -> None:
    desk.do(pb.OPEN, stop_loss_e8=E8 - 50 * POINT)
    desk.move(E8 - 60 * POINT)
    assert outcome(desk.do(pb.MODIFY)) == ("REJECTED", "TRG03")
    assert list(desk.execution.books.unexpected) == [Key(LOSING, 1)]
    assert desk.execution.holdings(LOSING) == []


def test_a_pending_order_from_placing_to_close(desk: Desk) -> None:
    placed = desk.do(pb.PLACE, order_type=pb.LIMIT, price_e8=E8 - 50 * POINT, max_deviation_e8=1)
    assert (placed.status, placed.price_e8, placed.volume_e8) == (pb.EXECUTED, E8 - 50 * POINT, LOT)
    (holding,) = desk.execution.holdings(LOSING)
    assert (holding.order_type, holding.position_id, holding.delivery_seq) == (pb.LIMIT, 1, 1)
    desk.do(pb.AMEND, price_e8=E8 - 40 * POINT, stop_loss_e8=3)
    assert desk.do(pb.PARTIAL_CLOSE, volume_e8=LOT // 2).volume_e8 == LOT // 2
    desk.move(E8 - 45 * POINT)
    desk.do(pb.AMEND, price_e8=E8, stop_loss_e8=4)
    assert [(held.volume, held.stop_loss) for held in desk.broker.positions.values()] == [(LOT // 2, 4)]
    cancelled = desk.do(pb.CANCEL)
    assert (cancelled.volume_e8, desk.open, desk.broker.orders) == (LOT // 2, [], {})


def test_a_pending_order_is_cancelled(desk: Desk) -> None:
    desk.do(pb.PLACE, order_type=pb.STOP, price_e8=2 * E8)
    desk.broker.inject(Fault.ANSWER_LOST)
    assert desk.do(pb.CANCEL).status == pb.EXECUTED
    assert (desk.broker.orders, desk.open) == ({}, [])
    assert outcome(desk.do(pb.PLACE, order_type=pb.STOP_LIMIT)) == ("FAILED", "TRG04")


def test_a_net_position_is_traded_by_each_copys_lots(net: Desk) -> None:
    opened = net.do(pb.OPEN, LOSING)
    net.do(pb.OPEN, WINNING, side=pb.SELL, volume_e8=3 * LOT)
    assert net.open == [("SELL", 2 * LOT)]
    assert net.copies == {(LOSING, 1): LOT, (WINNING, 1): 3 * LOT}
    net.do(pb.PARTIAL_CLOSE, WINNING, side=pb.SELL, volume_e8=LOT)
    assert net.open == []
    closed = net.do(pb.CLOSE, LOSING)
    assert (closed.volume_e8, closed.ticket, net.open) == (LOT, opened.ticket, [("SELL", LOT)])
    (holding,) = net.execution.holdings(LOSING)
    assert (holding.side, holding.volume_e8, holding.position_id, holding.delivery_seq) == (pb.SELL, LOT, 0, 0)
    net.do(pb.CLOSE, WINNING, side=pb.SELL)
    assert (net.open, net.copies) == ([], {})


def test_whose_lots_they_are_is_found_again_in_the_history(net: Desk) -> None:
    net.do(pb.OPEN, LOSING)
    net.do(pb.OPEN, WINNING, side=pb.SELL, volume_e8=3 * LOT)
    net.do(pb.PARTIAL_CLOSE, WINNING, side=pb.SELL, volume_e8=2 * LOT)
    before = net.copies
    net.lose_state()
    assert net.copies == before == {(LOSING, 1): LOT, (WINNING, 1): 2 * LOT}
    net.do(pb.CLOSE, LOSING)
    assert net.open == [("SELL", 2 * LOT)]


@pytest.mark.parametrize("mode", ["HEDGING", "NETTING"])
def test_without_any_history_the_plane_knows_what_is_held(mode: Mode) -> None:
    desk = Desk(mode)
    ticket = desk.do(pb.OPEN).ticket
    desk.broker.deals.clear()
    desk.lose_state()
    assert desk.copies == {}
    closed = desk.do(pb.CLOSE, held_volume_e8=LOT, ticket=ticket)
    assert (closed.status, closed.ticket, closed.volume_e8, desk.open) == (pb.EXECUTED, ticket, LOT, [])
    assert outcome(desk.do(pb.CLOSE, held_volume_e8=LOT, ticket=ticket)) == ("REJECTED", "TRG03")


def test_a_history_is_believed_rather_than_the_plane(net: Desk) -> None:
    net.do(pb.OPEN)
    assert outcome(net.do(pb.CLOSE, position_id=2, held_volume_e8=LOT)) == ("REJECTED", "TRG03")
    net.lose_state()
    assert outcome(net.do(pb.CLOSE, position_id=2, held_volume_e8=LOT)) == ("REJECTED", "TRG03")
    assert net.open == [("BUY", LOT)]


def test_what_the_history_does_not_have_can_be_given_up(desk: Desk) -> None:
    desk.broker.inject(Fault.ORDER_LOST)
    desk.do(pb.OPEN)
    assert [outcome(report) for report in desk.execution.abandoned()] == [("FAILED", "TRG06")]
    assert desk.execution.unanswered == {}


def test_a_net_position_has_stops_while_it_is_one_copys_alone(net: Desk) -> None:
    def stops() -> list[tuple[int, int]]:
        return [(held.stop_loss, held.take_profit) for held in net.broker.positions.values()]

    net.do(pb.OPEN, LOSING, stop_loss_e8=5)
    assert stops() == [(5, 0)]
    net.lose_state()
    net.do(pb.MODIFY, WINNING)
    assert stops() == [(5, 0)]
    net.do(pb.OPEN, WINNING, stop_loss_e8=6, take_profit_e8=2 * E8)
    assert stops() == [(0, 0)]
    net.do(pb.CLOSE, LOSING)
    assert stops() == [(6, 2 * E8)]
    net.move(E8 * 3)
    closed = net.do(pb.CLOSE, WINNING)
    assert (closed.volume_e8, closed.price_e8, net.copies) == (LOT, 3 * E8 - POINT, {})


def test_profit_is_told_by_subscription(net: Desk) -> None:
    net.do(pb.OPEN, LOSING, side=pb.SELL)
    net.do(pb.OPEN, WINNING)
    net.move(E8 + 100 * POINT)
    net.do(pb.CLOSE, LOSING)
    books = net.execution.books
    lost, won = books.profits[LOSING], books.floating(WINNING, net.time_us)
    assert (lost, won) == (-102 * POINT * 100_000, 98 * POINT * 100_000)
    net.do(pb.CLOSE, WINNING)
    assert net.broker.realised == books.profits[LOSING] + books.profits[WINNING]
