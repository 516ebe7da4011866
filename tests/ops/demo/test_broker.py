"""The paper broker: quotes of its own, tickets, profit to the last unit, refusals by count."""

import pytest

from ops.demo.bars import E8
from ops.demo.broker import CONTRACT, STRAY, PaperBroker, Rejected
from ops.demo.market import KEPT, Market

POINT = 1000
SPREAD = 10 * POINT
LOT = E8


def calm(*middles: int) -> Market:
    """A market that moves at 1, 2, 3 … µs and whose bars have no swing, so that no feed strays."""
    market = Market()
    for time_us, middle in enumerate(middles, 1):
        market.tick(time_us, middle, 0)
    return market


def broker(market: Market, *, refuses_every: int | None = None) -> PaperBroker:
    return PaperBroker("b", market, point=POINT, spread=SPREAD, refuses_every=refuses_every)


def test_the_market_is_what_it_was_at_the_moment() -> None:
    market = calm(100, 200, 300)
    assert [market.at(time_us).middle for time_us in (0, 1, 2, 3, 99)] == [100, 100, 200, 300, 300]


def test_the_market_forgets_only_what_is_old() -> None:
    market = calm(*range(1, 3 * KEPT))
    assert market.at(3 * KEPT - 1).middle == 3 * KEPT - 1
    assert market.at(2 * KEPT).middle == 2 * KEPT
    assert market.at(1).middle > 1


def test_a_quote_is_the_market_and_half_the_spread_to_each_side() -> None:
    assert broker(calm(E8)).quote(1) == (E8 - SPREAD // 2, E8 + SPREAD // 2)


def test_a_feed_strays_within_its_bounds_alike_in_every_run_and_not_like_another() -> None:
    market = Market()
    swing = 800 * POINT
    for n in range(200):
        market.tick(n, E8 + n * POINT, swing)
    mine, again = broker(market), broker(market)
    other = PaperBroker("c", market, point=POINT, spread=SPREAD)
    strays = [sum(mine.quote(n)) // 2 - market.at(n).middle for n in range(200)]
    assert strays == [sum(again.quote(n)) // 2 - market.at(n).middle for n in range(200)]
    assert [mine.quote(n) for n in range(200)] != [other.quote(n) for n in range(200)]
    assert max(map(abs, strays)) <= swing // STRAY + POINT
    assert len(set(strays)) > 100


@pytest.mark.parametrize(("side", "direction"), [("BUY", 1), ("SELL", -1)])
def test_profit_of_a_position_closed_in_parts(side: str, direction: int) -> None:
    up = 100 * POINT
    account = broker(calm(E8, E8 + up, E8 + 2 * up))
    opened = account.open(side, 2 * LOT, 1, 2, 1)  # type: ignore[arg-type]
    assert account.profit(1) == -SPREAD * 2 * CONTRACT

    part = account.reduce(opened.ticket, LOT, 2)
    assert (part.ticket, part.volume) == (opened.ticket, LOT)
    assert account.realised == (direction * up - SPREAD) * CONTRACT
    assert account.book[opened.ticket].volume == LOT

    account.reduce(opened.ticket, 0, 3)
    assert account.realised == account.profit(3) == (direction * 3 * up - 2 * SPREAD) * CONTRACT
    assert account.book == {}


def test_every_position_has_a_ticket_and_stops_of_its_own() -> None:
    account = broker(calm(E8))
    first, second = (account.open("BUY", LOT, 1, 2, 1).ticket for _ in range(2))
    assert first != second
    account.modify(first, 5, 6)
    assert [(held.stop_loss, held.take_profit) for held in account.book.values()] == [(5, 6), (1, 2)]


def test_orders_are_refused_by_count_and_change_nothing() -> None:
    account = broker(calm(E8), refuses_every=2)
    ticket = account.open("BUY", LOT, 1, 2, 1).ticket
    with pytest.raises(Rejected):
        account.reduce(ticket, 0, 1)
    assert account.book[ticket].volume == LOT
    account.reduce(ticket, 0, 1)
    with pytest.raises(Rejected):
        account.open("BUY", LOT, 1, 2, 1)
    assert account.book == {}
