"""Fan-out: whoever dispatches, and whichever hint is lost, cursors bring it there."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
import pytest

from gateway import calls, publishing
from gateway.calls import Position, Row
from gateway.client import Client
from gateway.errors import Refused
from gateway.lanes import Link, connector
from gateway.server import Gateway
from tests.gateway.conftest import Connect, Market, Master, Start, terminate

pytestmark = pytest.mark.core


async def follower(gateway: Gateway, connect: Connect, market: Market, master: Master) -> Client:
    token, subscription = market.subscriber(master)
    client = await connect(gateway, token)
    await client.subscribe(subscription)
    return client


async def ingest_and_die(dsn: str, client: Client, master: Master, db: psycopg.Connection[Any], count: int) -> None:
    """What a gateway does that is killed between its ingest and its dispatch."""
    row = db.execute(
        "select h.lane, h.session_id from signals.stream_heads h where stream_id = %s", [master.stream_id]
    ).fetchone()
    assert row is not None
    lane, session = row
    link = Link("dying", connector(dsn, "ecp_gateway", "dying"), [calls.INGEST], deadline=5)
    await link.start()
    signed = master.signed(client, count)
    signals = publishing.read(master.stream_id, signed)
    columns = publishing.columns(session, master.stream_id, signed, signals, received_us=client.plane_time_us())
    rows = await link.call(lane, calls.INGEST, lane, *columns)
    assert {verdict[1] for verdict in rows} == {"ACCEPTED"}
    await link.stop()


async def test_what_a_dead_gateway_left_is_dispatched(
    gateway: Gateway, connect: Connect, market: Market, gateway_dsn: str, db: psycopg.Connection[Any]
) -> None:
    master = market.master()
    copier = await follower(gateway, connect, market, master)
    provider = await connect(gateway, master.token)
    await provider.open_stream(master.stream)
    await ingest_and_die(gateway_dsn, provider, master, db, 700)
    async with asyncio.timeout(60):
        deliveries = await copier.next_deliveries(700)
    assert [delivery.seq for delivery in deliveries] == list(range(1, 701))


async def test_subscription_that_begins_under_load(gateway: Gateway, connect: Connect, market: Market) -> None:
    """Its lane has no route yet; the signals after its start are its own from the first on."""
    master = market.master()
    provider = await connect(gateway, master.token)
    await provider.open_stream(master.stream)
    await provider.publish(master.stream_id, master.signed(provider, 5))
    copier = await follower(gateway, connect, market, master)
    await provider.publish(master.stream_id, master.signed(provider, 5))
    async with asyncio.timeout(60):
        deliveries = await copier.next_deliveries(5)
    assert [delivery.seq for delivery in deliveries] == [6, 7, 8, 9, 10]


async def test_listener_that_dies_in_a_burst(
    start: Start, connect: Connect, market: Market, db: psycopg.Connection[Any]
) -> None:
    here, there = await start(), await start()
    master = market.master()
    copier = await follower(there, connect, market, master)
    provider = await connect(here, master.token)
    await provider.open_stream(master.stream)
    for _ in range(10):
        await provider.publish(master.stream_id, master.signed(provider, 10))
        terminate(db, "listener")
    async with asyncio.timeout(60):
        deliveries = await copier.next_deliveries(100)
    assert [delivery.delivery_seq for delivery in deliveries] == list(range(1, 101))


async def test_two_gateways_that_dispatch_the_same_do_it_once(
    start: Start, connect: Connect, market: Market, db: psycopg.Connection[Any]
) -> None:
    gateways = [await start(), await start()]
    masters = [market.master() for _ in range(2)]
    providers = [await connect(g, m.token) for g, m in zip(gateways, masters, strict=True)]
    for provider, master in zip(providers, masters, strict=True):
        await provider.open_stream(master.stream)
    copiers = [await follower(g, connect, market, m) for g in gateways for m in masters]
    for _ in range(10):
        await asyncio.gather(
            *(p.publish(m.stream_id, m.signed(p, 10)) for p, m in zip(providers, masters, strict=True))
        )
        for gateway in gateways:
            gateway.plane.fanout.listening()  # both look at everything again
    async with asyncio.timeout(60):
        for copier in copiers:
            deliveries = await copier.next_deliveries(100)
            assert [delivery.delivery_seq for delivery in deliveries] == list(range(1, 101))
    assert db.execute("select name, detail from ops.verify() where not ok").fetchall() == []


async def test_dispatch_whose_answer_is_lost_is_sent_without_another_signal(
    gateway: Gateway, connect: Connect, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    master = market.master()
    copier = await follower(gateway, connect, market, master)
    provider = await connect(gateway, master.token)
    await provider.open_stream(master.stream)
    dispatch = calls.dispatch

    async def lost_once(link: Link, lane: int, after: Iterable[Position], fed: Sequence[Row]) -> list[Row]:
        monkeypatch.setattr(calls, "dispatch", dispatch)
        await dispatch(link, lane, after, fed)
        # As the answer to a repeated publish: the lane dispatches again, and that does nothing.
        gateway.plane.fanout.accepted(Position(master.stream_id, 1, 1))
        raise Refused("TRD02")

    monkeypatch.setattr(calls, "dispatch", lost_once)
    await provider.publish(master.stream_id, master.signed(provider))
    async with asyncio.timeout(60):
        (delivery,) = await copier.next_deliveries(1)
    assert delivery.seq == 1
