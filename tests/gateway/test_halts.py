"""Kill switches over TCP: every gateway keeps to them at once, for they are read in the transaction that would open."""

import asyncio
import time

import pytest

from gateway import ecp_pb2 as pb
from gateway.client import Client
from tests.gateway.conftest import Connect, Market, Master, Start

pytestmark = pytest.mark.core

SECOND = 1.0


async def publish(client: Client, master: Master, action: "pb.Action", position: int) -> tuple[int, list[str]]:
    """The verdict, and the code of a refusal."""
    signed = master.signed(client, action=action, position_id=position)
    ack = await client.publish(master.stream_id, signed)
    return ack.verdicts[0], [refusal.code for refusal in ack.refusals]


@pytest.mark.parametrize(
    ("scope", "code"), [("GLOBAL", "TRS08"), ("STREAM", "TRS39"), ("ACCOUNT", "TRS40"), ("SYMBOL", "TRS41")]
)
async def test_the_next_opening_is_refused_on_every_gateway_and_closes_pass(
    start: Start, connect: Connect, market: Market, scope: str, code: str
) -> None:
    masters, publishers, copiers = [market.master(), market.master()], [], []
    for master in masters:
        gateway = await start()
        publishers.append(await connect(gateway, master.token))
        await publishers[-1].open_stream(master.stream)
        token, subscription = market.subscriber(master)
        copiers.append(await connect(gateway, token))
        await copiers[-1].subscribe(subscription)
    pairs = list(zip(publishers, masters, strict=True))
    for client, master in pairs:
        assert await publish(client, master, pb.OPEN, 1) == (pb.ACCEPTED, [])
    await asyncio.gather(*(copier.next_deliveries(1) for copier in copiers))

    account = "select account_id from signals.streams where stream_id = %s"
    subjects: dict[str, set[str | None]] = {
        "GLOBAL": {None},
        "STREAM": {str(master.stream_id) for master in masters},
        "ACCOUNT": {str(market.value(account, master.stream_id)) for master in masters},
        "SYMBOL": {"EURUSD"},
    }
    for subject in subjects[scope]:
        market.db.execute("select signals.halt(%s, %s, 'a drill', 'a test')", [scope, subject])
    called = time.monotonic()
    for client, master in pairs:
        assert await publish(client, master, pb.OPEN, 2) == (pb.HALTED, [code])
    assert time.monotonic() - called < SECOND

    for client, master in pairs:
        assert await publish(client, master, pb.CLOSE, 1) == (pb.ACCEPTED, [])
    for copier in copiers:
        (closed,) = await copier.next_deliveries(1)
        assert (closed.action, closed.position_id) == (pb.CLOSE, 1)

    for subject in subjects[scope]:
        market.db.execute("select signals.lift_halt(%s, %s, 'it is over', 'a test')", [scope, subject])
    for client, master in pairs:
        assert await publish(client, master, pb.OPEN, 3) == (pb.ACCEPTED, [])
    for copier in copiers:
        (opened,) = await copier.next_deliveries(1)
        assert (opened.action, opened.position_id) == (pb.OPEN, 3)


async def test_a_subscriber_that_is_halted_gets_closes_and_no_openings_wherever_it_is(
    start: Start, connect: Connect, market: Market
) -> None:
    master, account = market.master(), market.account("subscriber")
    subscription = market.follow(account, master)
    here, there = await start(), await start()
    client = await connect(here, master.token)
    await client.open_stream(master.stream)
    copier = await connect(there, market.license(account, "subscribe"))
    await copier.subscribe(subscription)
    await publish(client, master, pb.OPEN, 1)
    await copier.next_deliveries(1)
    market.db.execute("select signals.halt('ACCOUNT', %s, 'a drill', 'a test')", [str(account)])
    assert await publish(client, master, pb.OPEN, 2) == (pb.ACCEPTED, [])
    await publish(client, master, pb.CLOSE, 1)
    (delivery,) = await copier.next_deliveries(1)
    assert (delivery.action, delivery.position_id) == (pb.CLOSE, 1)
