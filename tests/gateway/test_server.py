"""The main job, end to end over TCP; what a gateway does when its database or it itself goes away."""

import asyncio
import signal
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest

from gateway import calls
from gateway import ecp_pb2 as pb
from gateway.client import Client, Disconnected, Refusal, sign
from gateway.errors import StartupRefused
from gateway.lanes import Connection, Link
from gateway.listener import Listener
from gateway.main import serve
from gateway.server import Gateway
from gateway.settings import Settings
from tests.gateway.conftest import KEY, LOT, Connect, Market, Start, terminate
from tests.gateway.proxy import Proxy

pytestmark = pytest.mark.core

# However long a slow machine takes, what was read is decided.
SERVE = """
import sys
from gateway.main import run
from gateway.settings import Settings
patient = Settings(port=0, database_url=sys.argv[1], call_deadline_ms=30_000, shed_ms=60_000)
run(patient, None, lambda host, port: print(port, flush=True))
"""


async def decided(client: Client, stream_id: int, signals: list[pb.SignedSignal]) -> pb.Ack:
    """Resend the same bytes until there is a verdict: what every client does."""
    async with asyncio.timeout(60):
        while True:
            ack = await client.publish(stream_id, signals)
            if pb.UNDECIDED not in ack.verdicts:
                return ack


async def test_signal_goes_to_subscribers_and_what_happened_comes_back(
    gateway: Gateway, connect: Connect, market: Market
) -> None:
    master = market.master()
    followers = [market.subscriber(master) for _ in range(2)]
    provider = await connect(gateway, master.token)
    stream = await provider.open_stream(master.stream)
    assert (stream.stream_id, stream.epoch, stream.last_seq) == (master.stream_id, 1, 0)
    copiers = []
    for token, subscription in followers:
        copier = await connect(gateway, token)
        subscribed = await copier.subscribe(subscription)
        assert (subscribed.stream, subscribed.delivery_seq, subscribed.state) == (master.stream, 0, "SYNCED")
        copiers.append((copier, subscription))

    ack = await provider.publish(master.stream_id, master.signed(provider, 3))

    assert list(ack.verdicts) == [pb.ACCEPTED] * 3
    assert (list(ack.seqs), ack.next_seq) == ([1, 2, 3], 4)
    for copier, subscription in copiers:
        deliveries = await copier.next_deliveries(3)
        assert {delivery.subscription_id for delivery in deliveries} == {subscription}
        assert [(delivery.delivery_seq, delivery.seq) for delivery in deliveries] == [(1, 1), (2, 2), (3, 3)]
        reports = [executed(delivery) for delivery in deliveries]
        assert list((await copier.report(reports)).verdicts) == [pb.RECORDED] * 3
        again = await copier.report([reports[0], pb.Report(subscription_id=subscription, delivery_seq=9)])
        assert list(again.verdicts) == [pb.REPORT_DUPLICATE, pb.REPORT_UNKNOWN]
        assert [(refusal.index, refusal.code) for refusal in again.refusals] == [(1, "TRR01")]


def executed(delivery: pb.Delivery) -> pb.Report:
    return pb.Report(
        subscription_id=delivery.subscription_id,
        delivery_seq=delivery.delivery_seq,
        status=pb.EXECUTED,
        ticket=delivery.delivery_seq,
        price_e8=delivery.price_e8,
        volume_e8=delivery.volume_e8,
    )


async def test_every_signal_of_a_frame_gets_its_verdict(gateway: Gateway, connect: Connect, market: Market) -> None:
    master, other = market.master(ttl_ms=1000), market.master()
    client = await connect(gateway, master.token)
    await client.open_stream(master.stream)
    (first,) = master.signed(client)
    (forged,) = master.signed(client)
    forged.tag = bytes(32)
    # What is held against the master comes last: with his trust gone, nothing else is looked at.
    cases = [
        (first, pb.ACCEPTED, ""),
        (first, pb.DUPLICATE, ""),
        (sign(KEY, master.signal(client, seq=2, stream_id=other.stream_id)), pb.MALFORMED, "TRS09"),
        (sign(KEY, master.signal(client, seq=2, sent_at_us=client.plane_time_us() - 2_000_000)), pb.STALE, "TRS04"),
        (sign(KEY, master.signal(client, seq=3, symbol="NUL\0")), pb.MALFORMED, ""),
        (sign(KEY, master.signal(client, seq=4, volume_e8=-1)), pb.MALFORMED, "TRS12"),
        (sign(KEY, master.signal(client, seq=5, position_id=2**64 - 1)), pb.MALFORMED, ""),
        (sign(KEY, master.signal(client, seq=6, action=pb.PLACE, order_type=99)), pb.MALFORMED, "TRS09"),
        (sign(KEY, master.signal(client, seq=7, order_type=99)), pb.MALFORMED, "TRS09"),
        (sign(KEY, master.signal(client, seq=8)), pb.ACCEPTED, ""),
        (sign(KEY, master.signal(client, seq=1, position_id=7)), pb.REPLAY, "TRS01"),
        (sign(KEY, master.signal(client, seq=10)), pb.GAP, "TRS02"),
        (forged, pb.BAD_SIGNATURE, "TRS03"),
        (pb.SignedSignal(signal=b"\xff\xff", tag=bytes(32)), pb.BAD_SIGNATURE, "TRS03"),
        (sign(KEY, master.signal(client, seq=9)), pb.NOT_ALLOWED, "TRS38"),
    ]
    ack = await client.publish(master.stream_id, [signed for signed, _, _ in cases])
    assert [pb.Verdict.Name(verdict) for verdict in ack.verdicts] == [pb.Verdict.Name(v) for _, v, _ in cases]
    codes = {refusal.index: refusal.code for refusal in ack.refusals}
    assert {index: code for index, (_, _, code) in enumerate(cases) if code}.items() <= codes.items()
    assert ack.originals[1] == pb.ACCEPTED
    assert ack.next_seq == 10
    assert ack.decided_at_us > 0


async def test_snapshot_carries_the_book(
    gateway: Gateway, connect: Connect, market: Market, db: psycopg.Connection[Any]
) -> None:
    master = market.master()
    client = await connect(gateway, master.token)
    await client.open_stream(master.stream)
    book = [
        pb.Position(position_id=5, symbol="EURUSD", side=pb.SELL, volume_e8=10_000_000, price_e8=107_000_000),
        pb.Position(
            position_id=6,
            symbol="EURUSD",
            side=pb.BUY,
            volume_e8=20_000_000,
            price_e8=106_000_000,
            order_type=pb.LIMIT,
            magic=-7,
            opened_at_us=1_700_000_000_000_000,
        ),
    ]
    snapshot = pb.Signal(
        stream_id=master.stream_id, epoch=1, seq=1, action=pb.SNAPSHOT, book=book, sent_at_us=client.plane_time_us()
    )
    assert list((await client.publish(master.stream_id, [sign(KEY, snapshot)])).verdicts) == [pb.ACCEPTED]
    stored = db.execute("select book from signals.signals").fetchone()
    assert stored is not None
    position, order = stored[0]
    assert (position["position_id"], position["side"]) == (5, "SELL")
    assert not {"order_type", "magic", "opened_at_us"} & position.keys()
    assert (order["order_type"], order["magic"], order["opened_at_us"]) == ("LIMIT", -7, 1_700_000_000_000_000)


async def test_signal_carries_the_masters_account(
    gateway: Gateway, connect: Connect, market: Market, db: psycopg.Connection[Any]
) -> None:
    master = market.master()
    client = await connect(gateway, master.token)
    await client.open_stream(master.stream)
    told = master.signed(client, balance_e8=1_000 * LOT, equity_e8=-LOT // 2)
    assert list((await client.publish(master.stream_id, told + master.signed(client))).verdicts) == [pb.ACCEPTED] * 2
    stored = db.execute("select balance, equity from signals.signals order by seq").fetchall()
    assert stored == [(1_000, Decimal("-0.5")), (None, None)]


@pytest.mark.parametrize(
    "lack",
    [
        {"position_id": 0},
        {"symbol": ""},
        {"side": pb.SIDE_UNSPECIFIED},
        {"volume_e8": 0},
        {"volume_e8": -1},
        {"order_type": 99},
        {"opened_at_us": -1},
        {"opened_at_us": 2**63 - 1},
    ],
)
async def test_snapshot_with_half_a_position(
    gateway: Gateway, connect: Connect, market: Market, lack: dict[str, Any]
) -> None:
    master = market.master()
    client = await connect(gateway, master.token)
    await client.open_stream(master.stream)
    whole: dict[str, Any] = {"position_id": 5, "symbol": "EURUSD", "side": pb.SELL, "volume_e8": 10_000_000}
    position = pb.Position(**(whole | lack))
    snapshot = master.signal(client, action=pb.SNAPSHOT, book=[position])
    ack = await client.publish(master.stream_id, [sign(KEY, snapshot)])
    assert (list(ack.verdicts), ack.refusals[0].code) == ([pb.MALFORMED], "TRS09")


async def test_resync_begins_an_epoch(gateway: Gateway, connect: Connect, market: Market) -> None:
    master = market.master()
    client = await connect(gateway, master.token)
    await client.open_stream(master.stream)
    old = client.publish(master.stream_id, master.signed(client, 2))
    resync = asyncio.ensure_future(client.resync(master.stream_id, 2, KEY))
    await asyncio.sleep(0)  # it is sent
    new = client.publish(master.stream_id, [sign(KEY, master.signal(client, epoch=2, seq=1))])
    assert list((await old).verdicts) == [pb.ACCEPTED] * 2
    assert (list((await resync).verdicts), (await resync).epoch, (await resync).next_seq) == ([pb.ACCEPTED], 2, 1)
    assert list((await new).verdicts) == [pb.ACCEPTED]
    repeated = await client.resync(master.stream_id, 2, KEY)
    assert (list(repeated.verdicts), repeated.refusals[0].code) == ([pb.REPLAY], "TRS19")
    forged = await client.resync(master.stream_id, 3, b"another key")
    assert (list(forged.verdicts), forged.refusals[0].code) == ([pb.BAD_SIGNATURE], "TRS03")


async def test_gateways_share_a_database(start: Start, connect: Connect, market: Market) -> None:
    here, there = await start(), await start()
    master = market.master()
    token, subscription = market.subscriber(master)
    copier = await connect(there, token)
    await copier.subscribe(subscription)
    provider = await connect(here, master.token)
    await provider.open_stream(master.stream)
    for _ in range(20):
        await provider.publish(master.stream_id, master.signed(provider, 5))
    async with asyncio.timeout(60):
        deliveries = await copier.next_deliveries(100)
    assert [delivery.delivery_seq for delivery in deliveries] == list(range(1, 101))


async def test_leases_are_renewed_in_slices(
    start: Start, connect: Connect, market: Market, db: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One call for ten thousand clients would take longer than a call may."""
    renew, done, sizes = calls.renew_sessions, asyncio.Event(), []

    async def watched(
        link: Link, gateway: str, sessions: Sequence[UUID], offsets: Sequence[int]
    ) -> list[calls.Renewed]:
        renewed = await renew(link, gateway, sessions, offsets)
        sizes.append(len(sessions))
        if sum(sizes) == 5:
            done.set()
        return renewed

    monkeypatch.setattr(calls, "renew_sessions", watched)
    gateway = await start(batch_limit=2)
    for _ in range(5):
        await connect(gateway, market.master().token)
    async with asyncio.timeout(60):
        await done.wait()
    assert sizes == [2, 2, 1]
    assert db.execute("select count(*) from access.sessions where renewed_at > opened_at").fetchone() == (5,)


async def test_silent_database_is_refused_in_time_and_recovered_from(
    start: Start, connect: Connect, market: Market, gateway_dsn: str, db: psycopg.Connection[Any]
) -> None:
    async with Proxy(gateway_dsn) as proxy:
        gateway = await start(database_url=proxy.url)
        master = market.master()
        client = await connect(gateway, master.token)
        await client.open_stream(master.stream)
        loop = asyncio.get_running_loop()
        signals = master.signed(client)
        proxy.hang()
        for _ in range(2):
            began = loop.time()
            ack = await client.publish(master.stream_id, signals)
            assert loop.time() - began < 0.5
            assert list(ack.verdicts) == [pb.UNDECIDED]
            assert ack.refusals[0].code in {"TRD01", "TRD02"}
        began = loop.time()
        with pytest.raises(Refusal, match="TRD0"):
            await connect(gateway, master.token)
        assert loop.time() - began < 0.6
        proxy.restore()
        ack = await decided(client, master.stream_id, signals)
        assert ack.originals == [pb.ACCEPTED]
        counted = db.execute("select count(*) from signals.signals").fetchone()
        assert counted == (1,)


async def test_nothing_is_lost_or_done_twice_while_backends_die(
    gateway: Gateway, connect: Connect, market: Market, db: psycopg.Connection[Any]
) -> None:
    master = market.master()
    token, subscription = market.subscriber(master)
    copier, client = await connect(gateway, token), await connect(gateway, master.token)
    await copier.subscribe(subscription)
    await client.open_stream(master.stream)
    for _ in range(10):
        signals = master.signed(client, 20)
        sent = client.publish(master.stream_id, signals)
        terminate(db, "")
        await sent
        ack = await decided(client, master.stream_id, signals)
        assert list(ack.originals) == [pb.ACCEPTED] * 20
    async with asyncio.timeout(60):
        deliveries = await copier.next_deliveries(200)
    assert [delivery.delivery_seq for delivery in deliveries] == list(range(1, 201))
    assert db.execute("select name, detail from ops.verify() where not ok").fetchall() == []


async def test_sigterm_drains(gateway_dsn: str, market: Market, db: psycopg.Connection[Any]) -> None:
    master = market.master()
    market.subscriber(master)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVE, gateway_dsn, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert process.stdout is not None
    port = int(await process.stdout.readline())
    client = await Client.connect("127.0.0.1", port, master.token)
    await client.open_stream(master.stream)
    acks = [client.publish(master.stream_id, master.signed(client, 10)) for _ in range(100)]
    await acks[0]
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(60):
        word = await client.ended
        assert await process.wait() == 0
    assert isinstance(word, pb.Goodbye)
    acked = 0
    for ack in acks:
        if not isinstance(ack.exception(), Disconnected):
            assert list(ack.result().verdicts) == [pb.ACCEPTED] * 10
            acked += 10
    assert acked >= 10
    assert db.execute("select count(*) from signals.signals").fetchone() == (acked,)
    assert db.execute("select count(*) from signals.decisions").fetchone() == (acked,)
    assert db.execute("select count(*) from access.sessions where ended_at is null").fetchone() == (0,)


async def test_gateway_ends_when_a_part_of_it_dies(gateway_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than leave a lane's subscribers to themselves, and look alive."""

    async def bug(_: object, connection: Connection) -> None:
        raise ZeroDivisionError(connection.get_server_pid())

    monkeypatch.setattr(Listener, "_listen", bug)
    with pytest.raises(ZeroDivisionError):
        async with asyncio.timeout(60):
            await serve(Settings(port=0, database_url=gateway_dsn))


async def test_database_that_cannot_be_served(empty_url: str, gateway_dsn: str) -> None:
    with pytest.raises(StartupRefused, match="TRD04"):
        await Gateway(Settings(port=0, database_url=empty_url, database_role="none")).start()
    with pytest.raises(StartupRefused, match="TRD05"):
        await Gateway(Settings(port=0, database_url=gateway_dsn), "another").start()
    with pytest.raises(StartupRefused, match="TRD01"):
        await Gateway(Settings(port=0, database_url="postgresql://127.0.0.1:1/none")).start()


async def test_address_that_is_taken(start: Start) -> None:
    port = (await start()).address[1]
    with pytest.raises(OSError, match="in use"):
        await start(port=port)
