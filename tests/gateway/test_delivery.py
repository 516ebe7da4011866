"""What a subscriber gets: all of it, in order, once unless it asks again."""

import asyncio
import uuid
from collections.abc import Sequence
from typing import Any, cast

import pytest

from gateway import ecp_pb2 as pb
from gateway.client import Client
from gateway.delivery import Subscriber, Subscribers
from gateway.lanes import Link, Side
from gateway.server import Gateway
from tests.gateway.conftest import Connect, Market, Master

pytestmark = pytest.mark.core


async def publisher(gateway: Gateway, connect: Connect, master: Master) -> Client:
    client = await connect(gateway, master.token)
    await client.open_stream(master.stream)
    return client


async def publish(client: Client, master: Master, count: int) -> None:
    ack = await client.publish(master.stream_id, master.signed(client, count))
    assert list(ack.verdicts) == [pb.ACCEPTED] * count


def numbers(deliveries: list[pb.Delivery]) -> list[int]:
    return [delivery.delivery_seq for delivery in deliveries]


async def test_what_was_missed_comes_on_resume_marked_and_then_what_is_new(
    gateway: Gateway, connect: Connect, market: Market
) -> None:
    master = market.master()
    token, subscription = market.subscriber(master)
    provider = await publisher(gateway, connect, master)
    copier = await connect(gateway, token)
    await copier.subscribe(subscription)
    await publish(provider, master, 3)
    await copier.next_deliveries(3)
    await copier.logout()
    await publish(provider, master, 4)
    copier = await connect(gateway, token)
    assert (await copier.subscribe(subscription, 2)).delivery_seq >= 3
    deliveries = await copier.next_deliveries(5)
    assert numbers(deliveries) == [3, 4, 5, 6, 7]
    assert deliveries[0].possible_duplicate
    await publish(provider, master, 2)
    fresh = await copier.next_deliveries(2)
    assert numbers(fresh) == [8, 9]
    assert not any(delivery.possible_duplicate for delivery in fresh)


async def test_opening_that_is_too_old_comes_as_a_gap_fill(gateway: Gateway, connect: Connect, market: Market) -> None:
    master = market.master()
    token, subscription = market.subscriber(master, ttl_ms=300)
    provider = await publisher(gateway, connect, master)
    copier = await connect(gateway, token)
    await copier.subscribe(subscription)
    await publish(provider, master, 1)
    (opened,) = await copier.next_deliveries(1)
    close = master.signed(provider, action=pb.CLOSE, position_id=opened.position_id)
    await provider.publish(master.stream_id, close)
    await copier.next_deliveries(1)
    while copier.plane_time_us() <= opened.expires_at_us:
        await copier.heartbeat()
    assert (await copier.resend(subscription, 0)).delivery_seq == 2
    fill, again = await copier.next_deliveries(2)
    assert fill == pb.Delivery(
        subscription_id=subscription,
        delivery_seq=1,
        stream_id=master.stream_id,
        epoch=1,
        seq=1,
        possible_duplicate=fill.possible_duplicate,
        gap_fill=True,
    )
    assert (again.action, again.gap_fill, again.possible_duplicate) == (pb.CLOSE, False, True)


async def test_long_absence_is_read_in_pages(gateway: Gateway, connect: Connect, market: Market) -> None:
    master = market.master()
    followers = [market.subscriber(master) for _ in range(2)]
    provider = await publisher(gateway, connect, master)
    for _ in range(6):
        await publish(provider, master, 500)
    for token, subscription in followers:
        copier = await connect(gateway, token)
        await copier.subscribe(subscription)
        await publish(provider, master, 10)
        async with asyncio.timeout(60):
            deliveries = await copier.next_deliveries(master.seq)
        assert numbers(deliveries) == list(range(1, master.seq + 1))


async def test_subscribing_under_load_leaves_no_hole(gateway: Gateway, connect: Connect, market: Market) -> None:
    master = market.master()
    token, subscription = market.subscriber(master)
    provider = await publisher(gateway, connect, master)
    instance = bytes(16)
    seen: list[pb.Delivery] = []
    for _ in range(5):
        acks = [provider.publish(master.stream_id, master.signed(provider, 10)) for _ in range(20)]
        copier = await connect(gateway, token, instance=instance)
        await copier.subscribe(subscription, len(seen))
        seen += await copier.next_deliveries(50)
        copier.abort()
        await asyncio.gather(*acks)
        while not copier.deliveries.empty():
            seen.append(copier.deliveries.get_nowait())
    copier = await connect(gateway, token, instance=instance)
    await copier.subscribe(subscription, len(seen))
    async with asyncio.timeout(60):
        seen += await copier.next_deliveries(master.seq - len(seen))
    assert numbers(seen) == list(range(1, master.seq + 1))


async def test_many_subscriptions_on_one_connection(gateway: Gateway, connect: Connect, market: Market) -> None:
    masters = [market.master() for _ in range(3)]
    account = market.account("subscriber")
    subscriptions = [market.follow(account, master) for master in masters]
    copier = await connect(gateway, market.license(account, "subscribe"))
    await asyncio.gather(*(copier.subscribe(subscription) for subscription in subscriptions))
    for master in masters:
        await publish(await publisher(gateway, connect, master), master, 5)
    deliveries = await copier.next_deliveries(15)
    for master, subscription in zip(masters, subscriptions, strict=True):
        mine = [d for d in deliveries if d.subscription_id == subscription]
        assert {d.stream_id for d in mine} == {master.stream_id}
        assert numbers(mine) == [1, 2, 3, 4, 5]


async def test_subscription_moves_with_its_client(gateway: Gateway, connect: Connect, market: Market) -> None:
    master = market.master()
    token, subscription = market.subscriber(master)
    provider = await publisher(gateway, connect, master)
    old = await connect(gateway, token, instance=bytes(16))
    await old.subscribe(subscription)
    new = await connect(gateway, token, instance=bytes(16))
    await new.subscribe(subscription)
    await publish(provider, master, 3)
    assert numbers(await new.next_deliveries(3)) == [1, 2, 3]
    assert old.deliveries.empty()
    word = await old.ended
    assert isinstance(word, pb.Error)
    assert word.code == "TRA06"


class Database:
    """Answers the readings of `Subscribers` when the test says so."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[asyncio.Future[list[Any]]] = asyncio.Queue()

    def call(self, *_: Any) -> "asyncio.Future[list[Any]]":
        answer: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self.asked.put_nowait(answer)
        return answer


class Copier:
    """A connection that counts."""

    writable = True
    session_id = uuid.UUID(int=1)

    def __init__(self) -> None:
        self.got: asyncio.Queue[int] = asyncio.Queue()
        self.failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def fail(self, code: str) -> None:
        self.failed.set_result(code)

    def send_deliveries(self, deliveries: Sequence[bytes]) -> None:
        for delivery in pb.Deliveries.FromString(b"".join(deliveries)).deliveries:
            self.got.put_nowait(delivery.delivery_seq)


def row(number: int, session: uuid.UUID | None = Copier.session_id) -> tuple[Any, ...]:
    """A row of signals.deliveries for subscription 1."""
    return (1, number, 1, 1, number, False, True, *[None] * 13, session, *[None] * 3)


async def test_reading_begun_before_a_resend_is_not_taken_for_its_answer() -> None:
    database, copier = Database(), Copier()
    subscribers = Subscribers(Side([cast("Link", database)]), [0])
    subscribers.start()
    async with asyncio.timeout(60):
        subscribers.add(Subscriber(copier, 0, 1, last=2, newest=4))
        before = await database.asked.get()
        subscribers.add(Subscriber(copier, 0, 1, last=0, newest=4))
        before.set_result([row(3), row(4)])
        (await database.asked.get()).set_result([row(number) for number in (1, 2, 3, 4)])
        assert [await copier.got.get() for _ in range(4)] == [1, 2, 3, 4]
    assert copier.got.empty()
    await subscribers.stop()


@pytest.mark.parametrize("holder", [uuid.UUID(int=2), None])
async def test_session_that_may_not_copy_is_sent_nothing(holder: uuid.UUID | None) -> None:
    database, copier = Database(), Copier()
    subscribers = Subscribers(Side([cast("Link", database)]), [0])
    subscribers.start()
    async with asyncio.timeout(60):
        subscribers.add(Subscriber(copier, 0, 1, last=0, newest=0))
        (await database.asked.get()).set_result([row(1)])
        assert await copier.got.get() == 1
        subscribers.push([row(2, holder)])  # perhaps from before the session began: the log is asked
        (await database.asked.get()).set_result([row(2)])
        assert await copier.got.get() == 2
        subscribers.push([row(3, holder)])
        (await database.asked.get()).set_result([row(3, holder), row(4, holder)])
        assert await copier.failed == "TRA06"
    assert copier.got.empty()
    await subscribers.stop()
