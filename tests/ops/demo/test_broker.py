"""The paper broker: quotes of its own, hedging and netting, pending orders, stops, faults, money to the last unit."""

from contextlib import suppress

import pytest

from ops.demo.bars import E8
from ops.demo.broker import DEPOSIT, STOP_LOSS, TAKE_PROFIT, Mode, NoAnswer, OrderType, PaperBroker, Rejected, Requoted
from ops.demo.faults import Fault, Faults, by_chance, every, never
from ops.demo.instrument import STRAY, Instrument, TradeMode
from ops.demo.market import KEPT, Market, Moment
from ops.demo.strategy import Side

POINT = 1000
SPREAD = 10 * POINT
HALF = SPREAD // 2
LOT = E8
CONTRACT = 100_000
EURUSD = "EURUSD"


def calm(*middles: int) -> Market:
    """A market that moves at 1, 2, 3 … µs and whose bars have no swing, so that no feed strays."""
    market = Market()
    for time_us, middle in enumerate(middles, 1):
        market.tick(time_us, middle)
    return market


def instrument(market: Market, *, feed: str = "b", trade_mode: TradeMode = "FULL") -> Instrument:
    return Instrument(EURUSD, market, SPREAD, feed=feed, trade_mode=trade_mode)


def broker(market: Market, *, mode: Mode = "HEDGING", faults: Faults = never) -> PaperBroker:
    return PaperBroker([instrument(market)], mode=mode, faults=faults)


def at(time_us: int) -> Moment:
    return Moment(time_us, time_us)


def opened(
    account: PaperBroker, side: Side = "BUY", volume: int = LOT, time_us: int = 1, stops: tuple[int, int] = (0, 0)
) -> int:
    """The ticket."""
    account.trade(EURUSD, side, volume, at(time_us), stop_loss=stops[0], take_profit=stops[1])
    return account.deals[-1].ticket


def test_the_market_is_what_it_was_at_the_moment() -> None:
    market = calm(100, 200, 300)
    assert [market.at(time_us).middle for time_us in (0, 1, 2, 3, 99)] == [100, 100, 200, 300, 300]
    assert [tick.middle for tick in market.between(1, 3)] == [200, 300]


def test_the_market_forgets_only_what_is_old() -> None:
    market = calm(*range(1, 3 * KEPT))
    assert market.at(3 * KEPT - 1).middle == 3 * KEPT - 1
    assert market.at(2 * KEPT).middle == 2 * KEPT
    assert market.at(1).middle > 1


def test_a_quote_is_the_market_and_half_the_spread_to_each_side() -> None:
    assert broker(calm(E8)).quote(EURUSD, 1) == (E8 - HALF, E8 + HALF)


def test_a_feed_strays_within_its_bounds_alike_in_every_run_and_not_like_another() -> None:
    market = Market()
    swing = 800 * POINT
    for n in range(200):
        market.tick(n, E8 + n * POINT, swing)
    mine, again, other = instrument(market), instrument(market), instrument(market, feed="c")
    strays = [sum(mine.quote(n)) // 2 - market.at(n).middle for n in range(200)]
    assert [mine.quote(n) for n in range(200)] == [again.quote(n) for n in range(200)]
    assert [mine.quote(n) for n in range(200)] != [other.quote(n) for n in range(200)]
    assert max(map(abs, strays)) <= swing // STRAY + POINT
    assert len(set(strays)) > 100


def test_a_tick_of_a_lot_is_worth_what_it_is_said_to_be() -> None:
    found = instrument(calm(E8))
    assert (found.tick_size, found.tick_value) == (POINT, E8)


@pytest.mark.parametrize(("side", "direction"), [("BUY", 1), ("SELL", -1)])
def test_profit_of_a_position_closed_in_parts(side: Side, direction: int) -> None:
    up = 100 * POINT
    other: Side = "SELL" if side == "BUY" else "BUY"
    account = broker(calm(E8, E8 + up, E8 + 2 * up))
    ticket = opened(account, side, 2 * LOT)
    assert account.equity(1) == DEPOSIT - SPREAD * 2 * CONTRACT

    account.trade(EURUSD, other, LOT, at(2), position=ticket)
    assert account.realised == (direction * up - SPREAD) * CONTRACT
    assert account.positions[ticket].volume == LOT

    account.trade(EURUSD, other, LOT, at(3), position=ticket)
    assert account.realised == (direction * 3 * up - 2 * SPREAD) * CONTRACT
    assert account.equity(3) == account.balance == DEPOSIT + account.realised
    assert account.positions == {}


def test_every_position_of_a_hedging_account_has_a_ticket_and_stops_of_its_own() -> None:
    account = broker(calm(E8))
    first, second = opened(account, "BUY"), opened(account, "SELL")
    account.modify(first, 5, 6)
    assert [(held.side, held.stop_loss, held.take_profit) for held in account.positions.values()] == [
        ("BUY", 5, 6), ("SELL", 0, 0),
    ]  # fmt: skip
    with pytest.raises(Rejected):
        account.trade(EURUSD, "SELL", 2 * LOT, at(1), position=first)
    with pytest.raises(Rejected):
        account.trade(EURUSD, "BUY", LOT, at(1), position=first)
    assert account.positions[first].volume == account.positions[second].volume == LOT


def test_a_netting_account_has_one_position_which_grows_shrinks_and_turns_through_zero() -> None:
    up = 100 * POINT
    account = broker(calm(E8, E8 + up, E8), mode="NETTING")
    opened(account, "BUY", LOT)
    opened(account, "BUY", LOT, 2)
    (held,) = account.positions.values()
    assert (held.side, held.volume, held.price) == ("BUY", 2 * LOT, E8 + up // 2 + HALF)

    opened(account, "SELL", 5 * LOT, 3)
    (turned,) = account.positions.values()
    assert (turned.side, turned.volume, turned.price) == ("SELL", 3 * LOT, E8 - HALF)
    assert account.realised == (-up // 2 - SPREAD) * 2 * CONTRACT

    opened(account, "BUY", 3 * LOT, 3)
    assert account.positions == {}
    assert account.realised == (-up // 2 - SPREAD) * 2 * CONTRACT - SPREAD * 3 * CONTRACT


@pytest.mark.parametrize(
    ("side", "stop_loss", "take_profit", "price", "comment"),
    [
        ("BUY", E8 - 50 * POINT, 0, E8 - 60 * POINT, STOP_LOSS),
        ("BUY", 0, E8 + 50 * POINT, E8 + 60 * POINT, TAKE_PROFIT),
        ("SELL", E8 + 50 * POINT, 0, E8 + 60 * POINT, STOP_LOSS),
        ("SELL", 0, E8 - 50 * POINT, E8 - 60 * POINT, TAKE_PROFIT),
    ],
)
def test_a_stop_is_hit_when_the_market_comes_to_it(
    side: Side, stop_loss: int, take_profit: int, price: int, comment: str
) -> None:
    account = broker(calm(E8, E8, price, E8))
    ticket = opened(account, side, stops=(stop_loss, take_profit))
    account.advance(2)
    assert ticket in account.positions
    account.advance(4)
    assert account.positions == {}
    deal = account.deals[-1]
    assert (deal.position, deal.comment, deal.time_us) == (ticket, comment, 3)
    assert deal.price == (price - HALF if side == "BUY" else price + HALF)


@pytest.mark.parametrize(
    ("side", "order_type", "price"),
    [
        ("BUY", "LIMIT", E8 - 50 * POINT),
        ("BUY", "STOP", E8 + 50 * POINT),
        ("SELL", "LIMIT", E8 + 50 * POINT),
        ("SELL", "STOP", E8 - 50 * POINT),
    ],
)
def test_a_pending_order_is_filled_when_the_market_crosses_its_price(
    side: Side, order_type: OrderType, price: int
) -> None:
    account = broker(calm(E8, E8, price + (price - E8)))
    stop_loss = 1 if side == "BUY" else 3 * E8
    account.place(EURUSD, side, order_type, LOT, price, at(1), stop_loss=stop_loss, comment="x")
    (ticket,) = account.orders
    account.advance(2)
    assert ticket in account.orders
    account.advance(3)
    assert account.orders == {}
    held = account.positions[ticket]
    assert (held.side, held.volume, held.stop_loss, held.comment) == (side, LOT, stop_loss, "x")
    assert account.placed[0].price == price


def test_a_pending_order_can_be_changed_and_taken_back() -> None:
    account = broker(calm(E8, 2 * E8))
    account.place(EURUSD, "BUY", "LIMIT", LOT, E8 // 2, at(1))
    (ticket,) = account.orders
    account.amend(ticket, LOT // 2, E8 // 4, 7, 8)
    order = account.orders[ticket]
    assert (order.volume, order.price, order.stop_loss, order.take_profit) == (LOT // 2, E8 // 4, 7, 8)
    account.cancel(ticket)
    with pytest.raises(Rejected):
        account.cancel(ticket)
    account.advance(2)
    assert (account.orders, account.positions, account.deals) == ({}, {}, [])


@pytest.mark.parametrize("volume", [0, LOT // 100 - 1, LOT // 200, 101 * LOT])
def test_a_volume_that_the_symbol_does_not_have_is_refused(volume: int) -> None:
    with pytest.raises(Rejected):
        opened(broker(calm(E8)), volume=volume)


def test_a_symbol_has_its_exact_name() -> None:
    with pytest.raises(Rejected):
        broker(calm(E8)).trade("eurusd", "BUY", LOT, at(1))


@pytest.mark.parametrize(
    ("mode", "sides"), [("LONG_ONLY", {"BUY"}), ("SHORT_ONLY", {"SELL"}), ("CLOSE_ONLY", set()), ("DISABLED", set())]
)
def test_a_symbol_may_be_closed_to_new_positions(mode: TradeMode, sides: set[Side]) -> None:
    taken: set[Side] = set()
    both: tuple[Side, Side] = ("BUY", "SELL")
    for side in both:
        with suppress(Rejected):
            opened(PaperBroker([instrument(calm(E8), trade_mode=mode)]), side)
            taken.add(side)
    assert taken == sides


def test_orders_are_refused_by_count_and_change_nothing() -> None:
    account = broker(calm(E8), faults=every(2, Fault.REJECT))
    ticket = opened(account)
    with pytest.raises(Rejected):
        account.trade(EURUSD, "SELL", LOT, at(1), position=ticket)
    assert account.positions[ticket].volume == LOT
    account.trade(EURUSD, "SELL", LOT, at(1), position=ticket)
    with pytest.raises(Rejected):
        account.modify(ticket, 1, 2)
    assert account.positions == {}


def test_faults_by_chance_come_in_their_shares_and_alike_in_every_run() -> None:
    shares = {Fault.REJECT: 0.1, Fault.PARTIAL: 0.3}
    mine, again = by_chance(7, shares), by_chance(7, shares)
    drawn = [mine(n) for n in range(2000)]
    assert drawn == [again(n) for n in range(2000)]
    assert 150 < drawn.count(Fault.REJECT) < 250
    assert 540 < drawn.count(Fault.PARTIAL) < 660


def test_a_requote_names_a_worse_price_and_the_next_order_gets_it() -> None:
    account = broker(calm(E8))
    account.inject(Fault.REQUOTE)
    with pytest.raises(Requoted) as requoted:
        opened(account)
    assert (requoted.value.price, account.deals) == (E8 + HALF + SPREAD, [])
    opened(account)
    assert account.deals[-1].price == requoted.value.price
    opened(account)
    assert account.deals[-1].price == E8 + HALF


def test_a_partial_fill_is_half_of_it_on_the_step_and_never_less_than_the_least() -> None:
    account = broker(calm(E8))
    account.inject(Fault.PARTIAL, Fault.PARTIAL)
    opened(account, volume=3 * LOT // 100)
    opened(account, volume=LOT // 100)
    assert [deal.volume for deal in account.deals] == [LOT // 100, LOT // 100]


def test_without_an_answer_the_order_is_done_or_not_or_later() -> None:
    account = broker(calm(E8))
    account.inject(Fault.ANSWER_LOST, Fault.ORDER_LOST, Fault.HELD)
    for comment in ("done", "lost", "later"):
        with pytest.raises(NoAnswer):
            account.trade(EURUSD, "BUY", LOT, at(1), comment=comment)
    assert [deal.comment for deal in account.deals] == ["done"]
    account.release()
    account.release()
    assert [deal.comment for deal in account.deals] == ["done", "later"]


def test_a_close_that_is_released_when_nothing_is_open_any_more_is_dropped() -> None:
    account = broker(calm(E8))
    ticket = opened(account)
    account.inject(Fault.HELD)
    with pytest.raises(NoAnswer):
        account.trade(EURUSD, "SELL", LOT, at(1), position=ticket)
    account.trade(EURUSD, "SELL", LOT, at(1), position=ticket)
    account.release()
    assert (account.positions, len(account.deals)) == ({}, 2)
