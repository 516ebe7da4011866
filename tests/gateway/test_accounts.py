"""What a follower tells of its broker account, and what the plane makes of it."""

import asyncio
import uuid
from typing import Any

import psycopg
import pytest

from gateway import accounts, calls
from gateway import ecp_pb2 as pb
from gateway.client import Client, Refusal
from gateway.errors import Refused
from gateway.server import Gateway
from tests.gateway.conftest import LOT, Connect, Market, Master, Start

pytestmark = pytest.mark.core

BIG = 2**64 - 1


def specification(symbol: str) -> pb.Specification:
    """As a broker has it for a pair with the dollar."""
    return pb.Specification(
        symbol=symbol,
        digits=5,
        contract_size_e8=100_000 * LOT,
        volume_min_e8=LOT // 100,
        volume_max_e8=100 * LOT,
        volume_step_e8=LOT // 100,
        tick_size_e8=1_000,
        tick_value_e8=LOT,
        base_currency=symbol[:3],
        profit_currency="USD",
    )


async def follow(gateway: Gateway, connect: Connect, market: Market, master: Master) -> tuple[Client, pb.Subscribed]:
    token, subscription = market.subscriber(master)
    client = await connect(gateway, token)
    return client, await client.subscribe(subscription)


async def opened(client: Client, provider: Client, master: Master, **fields: Any) -> pb.Delivery:
    """The delivery of a new position of the master, which the follower was told and has not answered."""
    await provider.publish(master.stream_id, master.signed(provider, **fields))
    async with asyncio.timeout(60):
        (delivery,) = await client.next_deliveries(1)
    return delivery


def held(delivery: pb.Delivery, ticket: int) -> pb.Holding:
    """The position that its execution made."""
    return pb.Holding(
        ticket=ticket,
        position_id=delivery.position_id,
        delivery_seq=delivery.delivery_seq,
        symbol=delivery.symbol,
        side=delivery.side,
        volume_e8=delivery.volume_e8,
        price_e8=delivery.price_e8,
        stop_loss_e8=delivery.stop_loss_e8,
        take_profit_e8=delivery.take_profit_e8,
    )


async def publisher(gateway: Gateway, connect: Connect, master: Master) -> Client:
    client = await connect(gateway, master.token)
    await client.open_stream(master.stream)
    return client


# Specifications


async def test_subscribed_names_the_account(gateway: Gateway, connect: Connect, market: Market) -> None:
    _, subscribed = await follow(gateway, connect, market, market.master())
    assert subscribed.portfolio_id == market.portfolio(subscribed.subscription_id)
    assert subscribed.mode == pb.HEDGING


async def test_specifications_resolve_the_masters_symbols(
    gateway: Gateway, connect: Connect, market: Market, db: psycopg.Connection[Any]
) -> None:
    master = market.master()
    client, subscribed = await follow(gateway, connect, market, master)
    portfolio = subscribed.portfolio_id
    unknown = await client.specifications(portfolio, [specification("GBPUSD")])
    assert [(r.master_symbol, r.symbol) for r in unknown.resolutions] == [("EURUSD", "")]
    assert unknown.resolutions[0].reason
    known = await client.specifications(portfolio, [specification("EURUSD.m"), specification("GBPUSD.m")])
    assert known.portfolio_id == portfolio
    assert [(r.master_symbol, r.symbol) for r in known.resolutions] == [("EURUSD", "EURUSD.m")]
    stored = db.execute(
        "select symbol, digits, contract_size, trade_mode from signals.specifications order by symbol"
    ).fetchall()
    assert stored == [("EURUSD.m", 5, 100_000, "FULL"), ("GBPUSD.m", 5, 100_000, "FULL")]
    delivery = await opened(client, await publisher(gateway, connect, master), master)
    assert delivery.symbol == "EURUSD.m"


@pytest.mark.parametrize(
    "lack", [{"symbol": "nul\0"}, {"digits": 2**32 - 1}, {"trade_mode": 99}, {"volume_step_e8": -1}]
)
async def test_specification_that_makes_no_sense(
    gateway: Gateway, connect: Connect, market: Market, lack: dict[str, Any]
) -> None:
    client, subscribed = await follow(gateway, connect, market, market.master())
    broken = specification("EURUSD")
    broken.MergeFrom(pb.Specification(**lack))
    with pytest.raises(Refusal, match="TRS26"):
        await client.specifications(subscribed.portfolio_id, [specification("GBPUSD"), broken])
    assert await client.heartbeat()


async def test_thousands_of_specifications_are_one_frame(gateway: Gateway, connect: Connect, market: Market) -> None:
    client, subscribed = await follow(gateway, connect, market, market.master())
    rows = [specification(f"SYMBOL{number}") for number in range(4_999)]
    assert (await client.specifications(subscribed.portfolio_id, [*rows, specification("EURUSD")])).resolutions
    assert gateway.plane.inflight == 0
    with pytest.raises(Refusal, match="TRP01"):
        await client.specifications(subscribed.portfolio_id, [*rows, *rows[:2]])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (pb.Specifications(portfolio_id=1), "TRP02"),
        (pb.Specifications(portfolio_id=1, specifications=[pb.Specification()] * 3), "TRP01"),
        (pb.Book(subscription_id=1, holdings=[pb.Holding()] * 4), "TRP01"),
        (pb.AccountState(portfolio_id=1, subscriptions=[pb.SubscriptionState()] * 4), "TRP01"),
    ],
)
async def test_frames_of_the_wrong_size(start: Start, connect: Connect, market: Market, body: Any, code: str) -> None:
    gateway = await start(max_frame_items=3, max_specifications=2)
    client, _ = await follow(gateway, connect, market, market.master())
    with pytest.raises(Refusal, match=code):
        await client.request(body)


async def test_license_is_shown_before_a_long_frame_is_taken(start: Start, connect: Connect, market: Market) -> None:
    gateway = await start(max_hello_bytes=1_000)
    stranger = await Client.dial(*gateway.address)
    with pytest.raises(Refusal, match="TRP01"):
        await stranger.hello("x" * 1_000)
    client = await connect(gateway, market.master().token)
    with pytest.raises(Refusal, match="TRS10"):
        await client.open_stream("x" * 1_000)


async def test_full_gateway_takes_signals_before_specifications(start: Start, connect: Connect, market: Market) -> None:
    gateway = await start(gateway_inflight=4)
    master = market.master()
    client, subscribed = await follow(gateway, connect, market, master)
    rows = [specification(symbol) for symbol in ("EURUSD", "GBPUSD", "AUDUSD")]
    with pytest.raises(Refusal, match="TRP09"):
        await client.specifications(subscribed.portfolio_id, rows)
    with pytest.raises(Refusal, match="TRP09"):
        await client.book(subscribed.subscription_id, 0, [pb.Holding()] * 3)
    assert await client.specifications(subscribed.portfolio_id, rows[:2])
    assert await client.book(subscribed.subscription_id, 0, [])
    assert gateway.plane.inflight == 0


# Account states


async def test_account_states_are_kept(
    gateway: Gateway, connect: Connect, market: Market, db: psycopg.Connection[Any]
) -> None:
    client, subscribed = await follow(gateway, connect, market, market.master())
    subscription, portfolio = subscribed.subscription_id, subscribed.portfolio_id
    whole = client.account_state(portfolio, balance_e8=1_000 * LOT, equity_e8=990 * LOT)
    own = pb.SubscriptionState(subscription_id=subscription, profit_e8=-10 * LOT)
    each = client.account_state(portfolio, balance_e8=1_000 * LOT, equity_e8=980 * LOT, subscriptions=[own])
    assert not (await whole).refusals
    assert not (await each).refusals
    assert db.execute("select balance, equity from signals.portfolios").fetchall() == [(1_000, 980)]
    equities = db.execute("select subscription_id, equity from signals.equities order by 1").fetchall()
    assert equities == [(0, 980), (subscription, -10)]
    assert gateway.plane.inflight == 0


async def test_copies_are_sized_by_the_accounts(gateway: Gateway, connect: Connect, market: Market) -> None:
    master = market.master()
    client, subscribed = await follow(gateway, connect, market, master)
    provider = await publisher(gateway, connect, master)
    market.value(
        "select signals.write_settings(%s, jsonb_build_object('sizing', 'BALANCE_RATIO'))", subscribed.subscription_id
    )
    await client.account_state(subscribed.portfolio_id, balance_e8=500 * LOT, equity_e8=500 * LOT)
    delivery = await opened(client, provider, master, balance_e8=1_000 * LOT, volume_e8=LOT)
    assert delivery.volume_e8 == LOT // 2


async def test_account_state_of_what_is_not_its_own(gateway: Gateway, connect: Connect, market: Market) -> None:
    master = market.master()
    client, subscribed = await follow(gateway, connect, market, master)
    _, others = await follow(gateway, connect, market, master)
    states = [
        pb.SubscriptionState(subscription_id=subscribed.subscription_id),
        pb.SubscriptionState(subscription_id=others.subscription_id),
        pb.SubscriptionState(subscription_id=BIG),
        pb.SubscriptionState(subscription_id=subscribed.subscription_id, last_processed=BIG),
    ]
    ack = await client.account_state(subscribed.portfolio_id, balance_e8=LOT, equity_e8=LOT, subscriptions=states)
    refused = {refusal.index: refusal.code for refusal in ack.refusals}
    assert refused == {1: "TRS17", 2: "TRS17", 3: "TRS18"}
    with pytest.raises(Refusal, match="TRS24"):
        await client.account_state(others.portfolio_id, balance_e8=LOT, equity_e8=LOT)
    assert gateway.plane.inflight == 0


def test_account_state_is_a_row_for_each_subscription_or_one() -> None:
    session = uuid.uuid4()
    state = pb.AccountState(portfolio_id=3, balance_e8=4, equity_e8=-5, broker_time_us=6)
    assert accounts.states(session, state) == [[session], [3], [4], [-5], [6], [0], [0], [0]]
    state.subscriptions.add(subscription_id=7, last_processed=8, profit_e8=-9)
    state.subscriptions.add(subscription_id=BIG, last_processed=BIG)
    assert accounts.states(session, state) == [
        [session] * 2, [3] * 2, [4] * 2, [-5] * 2, [6] * 2, [7, 2**63 - 1], [8, 2**63 - 1], [-9, 0],
    ]  # fmt: skip


# Books


async def test_book_settles_what_was_reported_as_unknown(
    gateway: Gateway, connect: Connect, market: Market, db: psycopg.Connection[Any]
) -> None:
    master = market.master()
    client, subscribed = await follow(gateway, connect, market, master)
    subscription = subscribed.subscription_id
    delivery = await opened(client, await publisher(gateway, connect, master), master)
    unknown = pb.Report(subscription_id=subscription, delivery_seq=1, status=pb.UNKNOWN, code="TRG06")
    assert list((await client.report([unknown])).verdicts) == [pb.RECORDED]
    ack = await client.book(subscription, 1, [held(delivery, 555)])
    assert (ack.subscription_id, ack.settled, ack.differences, ack.delivery_seq) == (subscription, 1, 0, 1)
    reports = db.execute("select status, ticket, settled_by from signals.reports").fetchall()
    assert reports == [("EXECUTED", 555, "SNAPSHOT")]
    again = await client.book(subscription, 1, [held(delivery, 555)])
    assert (again.settled, again.differences, again.delivery_seq) == (0, 0, 1)


async def test_unknown_outcome_is_replaced_by_a_later_report(
    gateway: Gateway, connect: Connect, market: Market
) -> None:
    master = market.master()
    client, subscribed = await follow(gateway, connect, market, master)
    delivery = await opened(client, await publisher(gateway, connect, master), master)
    named: dict[str, Any] = {"subscription_id": subscribed.subscription_id, "delivery_seq": 1}
    unknown = pb.Report(**named, status=pb.UNKNOWN, code="TRG06")
    executed = pb.Report(
        **named, status=pb.EXECUTED, ticket=7, price_e8=delivery.price_e8, volume_e8=delivery.volume_e8
    )
    verdicts = [list((await client.report([report])).verdicts) for report in (unknown, unknown, executed, executed)]
    assert verdicts == [[pb.RECORDED], [pb.REPORT_DUPLICATE], [pb.RECORDED], [pb.REPORT_DUPLICATE]]
    failed = pb.Report(**named, status=pb.FAILED, code="TRG04")
    assert list((await client.report([failed])).verdicts) == [pb.REPORT_CONFLICT]


async def test_what_a_book_lacks_is_delivered_at_once(
    gateway: Gateway, connect: Connect, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when nobody says that there are new deliveries."""
    monkeypatch.setattr(gateway.plane.subscribers, "read_lane", lambda _: None)
    master = market.master()
    client, subscribed = await follow(gateway, connect, market, master)
    subscription = subscribed.subscription_id
    provider = await publisher(gateway, connect, master)
    delivery = await opened(client, provider, master)
    executed = pb.Report(
        subscription_id=subscription,
        delivery_seq=1,
        status=pb.EXECUTED,
        ticket=555,
        price_e8=delivery.price_e8,
        volume_e8=delivery.volume_e8,
    )
    await client.report([executed])
    twice = held(delivery, 555)
    twice.volume_e8 *= 2
    ack = await client.book(subscription, 1, [twice])
    assert (ack.differences, ack.delivery_seq) == (1, 2)
    async with asyncio.timeout(60):
        (correction,) = await client.next_deliveries(1)
    assert (correction.delivery_seq, correction.action) == (2, pb.PARTIAL_CLOSE)
    assert correction.volume_e8 == delivery.volume_e8
    assert (correction.held_volume_e8, correction.ticket) == (twice.volume_e8, 555)


@pytest.mark.parametrize(
    ("fields", "last", "code"),
    [
        ({"ticket": BIG}, 0, "TRR03"),
        ({"symbol": "nul\0"}, 0, "TRR03"),
        ({"side": 99}, 0, "TRR03"),
        ({}, 1, "TRS18"),
        ({}, BIG, "TRS18"),
    ],
)
async def test_book_that_cannot_be(
    gateway: Gateway, connect: Connect, market: Market, fields: dict[str, Any], last: int, code: str
) -> None:
    client, subscribed = await follow(gateway, connect, market, market.master())
    holding = pb.Holding(ticket=1, symbol="EURUSD", side=pb.BUY, volume_e8=LOT)
    holding.MergeFrom(pb.Holding(**fields))
    with pytest.raises(Refusal, match=code):
        await client.book(subscribed.subscription_id, last, [holding])
    assert await client.heartbeat()
    assert gateway.plane.inflight == 0


async def test_book_is_compared_after_the_reports_before_it(gateway: Gateway, connect: Connect, market: Market) -> None:
    master = market.master()
    client, subscribed = await follow(gateway, connect, market, master)
    subscription = subscribed.subscription_id
    provider = await publisher(gateway, connect, master)
    deliveries = [await opened(client, provider, master) for _ in range(20)]
    reported = client.report(
        [
            pb.Report(
                subscription_id=subscription,
                delivery_seq=delivery.delivery_seq,
                status=pb.EXECUTED,
                ticket=delivery.delivery_seq,
                price_e8=delivery.price_e8,
                volume_e8=delivery.volume_e8,
            )
            for delivery in deliveries
        ]
    )
    ack = await client.book(subscription, 20, [held(delivery, delivery.delivery_seq) for delivery in deliveries])
    assert list(reported.result().verdicts) == [pb.RECORDED] * 20
    assert (ack.settled, ack.differences, ack.delivery_seq) == (0, 0, 20)


async def test_away_database_leaves_the_connection_and_counts_nothing(
    gateway: Gateway, connect: Connect, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, subscribed = await follow(gateway, connect, market, market.master())

    async def away(*_: object) -> None:
        raise Refused("TRD01")

    monkeypatch.setattr(calls, "reconcile", away)
    monkeypatch.setattr(calls, "upload_specifications", away)
    with pytest.raises(Refusal, match="TRD01"):
        await client.book(subscribed.subscription_id, 0, [])
    with pytest.raises(Refusal, match="TRD01"):
        await client.specifications(subscribed.portfolio_id, [specification("EURUSD")])
    assert await client.heartbeat()
    assert gateway.plane.inflight == 0
