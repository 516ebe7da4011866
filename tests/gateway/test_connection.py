"""One connection: what it is refused, and that nobody else notices."""

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest

from gateway import ecp_pb2 as pb
from gateway import publishing
from gateway.client import Client, Refusal, sign
from gateway.plane import Openings
from gateway.server import Gateway
from gateway.wire import encode
from tests.gateway.conftest import KEY, LOT, Connect, Market, Start

pytestmark = pytest.mark.core

TLS = Path(__file__).parent / "tls"
FLOOD = encode(pb.Heartbeat(), 1_000_000) * 1000


async def last_word(client: Client) -> str:
    """The code with which the gateway closed."""
    async with asyncio.timeout(60):
        word = await client.ended
    assert isinstance(word, pb.Error)
    assert word.fatal
    assert word.message
    assert word.hint
    return word.code


async def refused(client: Client, body: Any) -> str:
    """The code of an error that the connection survives."""
    with pytest.raises(Refusal) as refusal:
        await client.request(body)
    assert not refusal.value.fatal
    assert await client.heartbeat()
    return refusal.value.code


async def left(gateway: Gateway) -> None:
    """Nobody is connected, and nothing is done for those who were."""
    plane = gateway.plane
    async with asyncio.timeout(60):
        while plane.connections or plane.tasks:
            plane.progress.clear()
            await plane.progress.wait()


# The end of a client that is gone already


@pytest.mark.every_loop
async def test_whoever_has_just_gone_can_still_be_refused(gateway: Gateway, connect: Connect, market: Market) -> None:
    """By those who serve others too, so nothing of it may come back to them."""
    gone = socket.create_connection(gateway.address)
    other = await connect(gateway, market.license(market.account("provider"), "publish"))
    (connection,) = (connection for connection in gateway.plane.connections if connection.session is None)
    gone.close()  # so the last word is answered by a reset
    connection.fail("TRA06")
    assert await other.heartbeat()


# Before Welcome


@pytest.mark.parametrize("token", ["", "x", "ecp_" + "0" * 32 + "_" + "0" * 64, "nul\0", "ü" * 500])
async def test_unknown_license(gateway: Gateway, token: str) -> None:
    client = await Client.dial(*gateway.address)
    with pytest.raises(Refusal, match="TRA01"):
        await client.hello(token)
    assert await last_word(client) == "TRA01"


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("update access.licenses set expires_at = issued_at + interval '1 microsecond'", "TRA02"),
        ("select access.revoke_license(license_id) from access.licenses", "TRA03"),
        ("update access.licenses set networks = '{10.0.0.0/8}'", "TRA04"),
        ("update access.accounts set status = 'SUSPENDED'", "TRA08"),
    ],
)
async def test_license_that_does_not_open(
    gateway: Gateway, connect: Connect, market: Market, db: psycopg.Connection[Any], sql: str, code: str
) -> None:
    token = market.master().token
    db.execute(sql)
    with pytest.raises(Refusal, match=code):
        await connect(gateway, token)


async def test_second_session_is_refused_and_the_same_instance_takes_over(
    gateway: Gateway, connect: Connect, market: Market
) -> None:
    master = market.master()
    first = await connect(gateway, master.token, instance=bytes(16))
    await first.open_stream(master.stream)
    with pytest.raises(Refusal, match="TRA05"):
        await connect(gateway, master.token)
    again = await connect(gateway, master.token, instance=bytes(16))
    await again.open_stream(master.stream)
    fenced = await first.publish(master.stream_id, master.signed(first))
    assert (list(fenced.verdicts), fenced.refusals[0].code) == ([pb.NOT_ALLOWED], "TRA06")
    taken = await again.publish(master.stream_id, [sign(KEY, master.signal(again, seq=1, position_id=9))])
    assert list(taken.verdicts) == [pb.ACCEPTED]


async def test_logout_frees_the_license(gateway: Gateway, connect: Connect, market: Market) -> None:
    token = market.master().token
    word = await (await connect(gateway, token)).logout()
    assert isinstance(word, pb.Goodbye)
    await connect(gateway, token)


async def test_dropped_connection_frees_the_license(gateway: Gateway, connect: Connect, market: Market) -> None:
    token = market.master().token
    (await connect(gateway, token)).abort()
    await left(gateway)
    await connect(gateway, token)


@pytest.mark.parametrize(
    "body",
    [
        pb.Publish(stream_id=1),
        pb.OpenStream(stream="x"),
        pb.Subscribe(subscription_id=1),
        pb.Reports(),
        pb.Book(subscription_id=1),
        pb.AccountState(portfolio_id=1),
        pb.Specifications(portfolio_id=1),
        pb.Heartbeat(),
        pb.Resync(),
        pb.Logout(),
    ],
)
async def test_hello_comes_first(gateway: Gateway, body: Any) -> None:
    client = await Client.dial(*gateway.address)
    client.send_raw(encode(body, 1))
    assert await last_word(client) == "TRP05"


async def test_version(gateway: Gateway) -> None:
    client = await Client.dial(*gateway.address)
    with pytest.raises(Refusal, match="TRP06"):
        await client.hello("x", protocol=2)


async def test_instance_is_16_bytes(gateway: Gateway) -> None:
    client = await Client.dial(*gateway.address)
    with pytest.raises(Refusal, match="TRP03"):
        await client.hello("x", instance=b"short")


async def test_silence_is_not_kept(start: Start) -> None:
    gateway = await start(hello_ms=100)
    assert await last_word(await Client.dial(*gateway.address)) == "TRP07"


async def test_license_opens_only_so_many_sessions(start: Start, connect: Connect, market: Market) -> None:
    gateway = await start(license_openings=3)
    token, other = market.master().token, market.master().token
    for _ in range(3):
        await connect(gateway, token, instance=bytes(16))
    with pytest.raises(Refusal, match="TRP09"):
        await connect(gateway, token, instance=bytes(16))
    with pytest.raises(Refusal, match="TRP09"):
        await connect(gateway, token)
    for _ in range(4):  # whoever knows the license but not its secret keeps nobody out
        with pytest.raises(Refusal, match="TRA01"):
            await connect(gateway, other[:-64] + "0" * 64, instance=bytes(16))
    assert await connect(gateway, other)


def test_openings_are_forgotten() -> None:
    openings = Openings(2)
    openings.add("a", 0)
    openings.add("a", 4)
    openings.add("b", 5)
    assert openings.are_too_many("a", 9.9)
    assert not openings.are_too_many("a", 10)
    assert not openings.are_too_many("b", 9.9)
    openings.add("a", 10)
    assert openings.are_too_many("a", 13.9)
    openings.add("c", 16)
    assert list(openings._last) == ["a", "c"]


async def test_too_many_clients(start: Start, connect: Connect, market: Market) -> None:
    gateway = await start(max_clients=1)
    await connect(gateway, market.master().token)
    assert await last_word(await Client.dial(*gateway.address)) == "TRP09"


# Bytes


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x0a\xff\xff\xff\x7f", "TRP01"),
        (b"\x0a\x00", "TRP02"),
        (b"GET / HTTP/1.1\r\n\r\n", "TRP03"),
        (b"\x0a\x02\xff\xff", "TRP03"),
        (b"\x0a\x02\x08\x01", "TRP04"),
        (encode(pb.Goodbye(), 1), "TRP04"),
        (b"\x0a\x03\xfa\x3f\x00", "TRP04"),
    ],
)
async def test_bad_bytes_end_one_connection_and_no_other(
    gateway: Gateway, connect: Connect, market: Market, data: bytes, code: str
) -> None:
    master = market.master()
    bystander = await connect(gateway, master.token)
    await bystander.open_stream(master.stream)
    on_its_way = bystander.publish(master.stream_id, master.signed(bystander))
    stranger = await Client.dial(*gateway.address)
    stranger.send_raw(data)
    assert await last_word(stranger) == code
    assert list((await on_its_way).verdicts) == [pb.ACCEPTED]
    assert list((await bystander.publish(master.stream_id, master.signed(bystander))).verdicts) == [pb.ACCEPTED]


async def test_what_came_before_a_bad_frame_is_answered(gateway: Gateway, connect: Connect, market: Market) -> None:
    master = market.master()
    client = await connect(gateway, master.token)
    await client.open_stream(master.stream)
    ack = client.publish(master.stream_id, master.signed(client))
    client.send_raw(b"\x0a\x02\xff\xff")
    assert list((await ack).verdicts) == [pb.ACCEPTED]
    assert await last_word(client) == "TRP03"


async def test_what_came_before_logout_is_answered(gateway: Gateway, connect: Connect, market: Market) -> None:
    master = market.master()
    client = await connect(gateway, master.token)
    await client.open_stream(master.stream)
    ack = client.publish(master.stream_id, master.signed(client))
    assert isinstance(await client.logout(), pb.Goodbye)
    assert list(ack.result().verdicts) == [pb.ACCEPTED]


async def test_half_closed_client_is_answered_and_then_closed(
    gateway: Gateway, connect: Connect, market: Market
) -> None:
    master = market.master()
    client = await connect(gateway, master.token, heartbeat=False)
    await client.open_stream(master.stream)
    acks = [client.publish(master.stream_id, master.signed(client, 10)) for _ in range(20)]
    client.send_raw(FLOOD)
    beat = client.request(pb.Heartbeat())
    client.transport.write_eof()
    async with asyncio.timeout(60):
        assert await client.ended is None
    assert [list(ack.result().verdicts) for ack in acks] == [[pb.ACCEPTED] * 10] * 20
    assert beat.result()
    await left(gateway)


async def test_half_closed_client_gets_its_welcome(gateway: Gateway, market: Market) -> None:
    client = await Client.dial(*gateway.address)
    welcome = client.request(pb.Hello(protocol=1, token=market.master().token, instance=bytes(16)))
    client.transport.write_eof()
    async with asyncio.timeout(60):
        assert await client.ended is None
    assert welcome.result().purpose == "publish"
    await left(gateway)


async def test_half_closed_client_is_told_what_was_wrong(gateway: Gateway, connect: Connect, market: Market) -> None:
    client = await connect(gateway, market.master().token, heartbeat=False)
    client.send_raw(b"\x0a\x02\xff\xff")
    client.transport.write_eof()
    assert await last_word(client) == "TRP03"
    await left(gateway)


async def test_half_closed_client_that_does_not_read_is_not_waited_for(
    start: Start, connect: Connect, market: Market
) -> None:
    gateway = await start(stall_ms=200, write_buffer_bytes=1 << 30)
    client = await connect(gateway, market.master().token, heartbeat=False)
    (at_gateway,) = gateway.plane.connections
    _small_buffers(client, at_gateway)
    client.pause_reading()
    for _ in range(100):
        at_gateway.data_received(FLOOD)
    client.transport.write_eof()
    await left(gateway)


async def test_half_closed_client_does_not_wait_for_ever(start: Start, connect: Connect, market: Market) -> None:
    gateway = await start(stall_ms=200)
    client = await connect(gateway, market.master().token, heartbeat=False)
    (at_gateway,) = gateway.plane.connections
    at_gateway._admit(1)  # and the answer does not come
    client.transport.write_eof()
    async with asyncio.timeout(60):
        await client.ended
    await left(gateway)
    at_gateway.settle(b"", 1)
    assert gateway.plane.inflight == 0


async def test_fragments_of_one_byte(gateway: Gateway, market: Market) -> None:
    client = await Client.dial(*gateway.address)
    hello = pb.Hello(protocol=1, token=market.master().token, instance=bytes(16))
    answer = client.request(hello)  # pipelined behind it, byte by byte
    for byte in encode(pb.Heartbeat(client_time_us=5), 99):
        client.send_raw(bytes((byte,)))
    assert (await answer).purpose == "publish"
    assert await client.heartbeat()
    client.abort()


async def test_connections_leave_nothing_behind(gateway: Gateway, market: Market) -> None:
    token = market.master().token
    before = held()
    for number in range(60):
        client = await Client.dial(*gateway.address)
        if number % 2:
            client.send_raw(encode(pb.Hello(protocol=1, token=token, instance=bytes(16)), 1)[: 10 * number])
        match number % 3:
            case 0:
                client.abort()
            case 1:
                client.transport.write_eof()
            case 2:
                client.transport.close()
        await client.ended
    await left(gateway)
    assert gateway.plane.inflight == 0
    assert held() == before


def held() -> tuple[int, int]:
    """Tasks, and open files."""
    return len(asyncio.all_tasks()), len(list(Path("/proc/self/fd").iterdir()))


async def test_unfinished_frame_is_not_waited_for(start: Start, connect: Connect, market: Market) -> None:
    gateway = await start(stall_ms=100)
    client = await connect(gateway, market.master().token, heartbeat=False)
    client.send_raw(encode(pb.Heartbeat(), 1)[:-1])
    assert await last_word(client) == "TRP07"


async def test_idle_client_is_let_go(start: Start, connect: Connect, market: Market) -> None:
    gateway = await start(idle_ms=100)
    assert await last_word(await connect(gateway, market.master().token, heartbeat=False)) == "TRP07"


# After Welcome


async def test_refusals_that_a_connection_survives(gateway: Gateway, connect: Connect, market: Market) -> None:
    master = market.master()
    token, subscription = market.subscriber(master)
    provider, copier = await connect(gateway, master.token), await connect(gateway, token)
    signals = master.signed(provider)
    assert await refused(provider, pb.OpenStream(stream="nobody's")) == "TRS10"
    assert await refused(provider, pb.OpenStream(stream="nul\0")) == "TRS10"
    assert await refused(provider, pb.Publish(stream_id=master.stream_id, signals=signals)) == "TRS10"
    assert await refused(provider, pb.Resync()) == "TRS10"
    assert await refused(provider, pb.Resync(intent=b"\xff")) == "TRS09"
    assert await refused(provider, pb.Subscribe(subscription_id=subscription)) == "TRA07"
    assert await refused(provider, pb.Hello(protocol=1)) == "TRP05"
    assert await refused(copier, pb.OpenStream(stream=master.stream)) == "TRA07"
    assert await refused(copier, pb.Subscribe(subscription_id=subscription + 1)) == "TRS17"
    assert await refused(copier, pb.Subscribe(subscription_id=2**64 - 1)) == "TRS17"
    assert await refused(copier, pb.Subscribe(subscription_id=subscription, last_processed=1)) == "TRS18"
    assert await refused(copier, pb.Subscribe(subscription_id=subscription, last_processed=2**64 - 1)) == "TRS18"
    assert await refused(copier, pb.Resend(subscription_id=subscription)) == "TRS17"
    assert await refused(copier, pb.Book(subscription_id=subscription)) == "TRS17"
    portfolio = market.portfolio(subscription)
    assert await refused(copier, pb.AccountState(portfolio_id=portfolio)) == "TRS24"
    specifications = [pb.Specification(symbol="EURUSD")]
    assert await refused(copier, pb.Specifications(portfolio_id=portfolio, specifications=specifications)) == "TRS24"


async def test_frame_with_too_many_signals(start: Start, connect: Connect, market: Market) -> None:
    gateway = await start(max_frame_items=2)
    master = market.master()
    client = await connect(gateway, master.token)
    await client.open_stream(master.stream)
    with pytest.raises(Refusal, match="TRP01"):
        await client.publish(master.stream_id, master.signed(client, 3))


async def test_positions_of_a_snapshot_count_as_signals_do(start: Start, connect: Connect, market: Market) -> None:
    """They are read before the signature is known to be good."""
    gateway = await start(max_frame_items=4, gateway_inflight=4)
    master = market.master()
    client = await connect(gateway, master.token)
    await client.open_stream(master.stream)
    book = [pb.Position(position_id=n, symbol="EURUSD", side=pb.BUY, volume_e8=LOT) for n in range(1, 6)]
    snapshot = master.signal(client, action=pb.SNAPSHOT, book=book[:4])
    busy = await client.publish(master.stream_id, [sign(KEY, snapshot)])
    assert [refusal.code for refusal in busy.refusals] == ["TRP09"]
    assert gateway.plane.inflight == 0
    snapshot.ClearField("book")
    snapshot.book.extend(book[:3])
    assert list((await client.publish(master.stream_id, [sign(KEY, snapshot)])).verdicts) == [pb.ACCEPTED]
    assert gateway.plane.inflight == 0
    unsigned = pb.SignedSignal(signal=master.signal(client, action=pb.SNAPSHOT, book=book[:3]).SerializeToString())
    with pytest.raises(Refusal, match="TRP01"):
        await client.publish(master.stream_id, [unsigned, unsigned])


async def test_full_gateway_refuses_and_loses_nothing(start: Start, connect: Connect, market: Market) -> None:
    gateway = await start(gateway_inflight=2)
    master = market.master()
    client = await connect(gateway, master.token)
    await client.open_stream(master.stream)
    signals = master.signed(client, 3)
    busy = await client.publish(master.stream_id, signals)
    assert list(busy.verdicts) == [pb.UNDECIDED] * 3
    assert {refusal.code for refusal in busy.refusals} == {"TRP09"}
    assert list((await client.publish(master.stream_id, signals[:2])).verdicts) == [pb.ACCEPTED] * 2


async def test_what_was_sent_behind_a_refused_frame_runs_into_no_gap(
    start: Start, connect: Connect, market: Market, db: psycopg.Connection[Any]
) -> None:
    """It was on its way before its master could know."""
    gateway = await start(gateway_inflight=2)
    master = market.master()
    client = await connect(gateway, master.token)
    await client.open_stream(master.stream)
    signals = master.signed(client, 4)
    frames = [signals[:3], signals[3:]]
    for ack in await asyncio.gather(*(client.publish(master.stream_id, frame) for frame in frames)):
        assert set(ack.verdicts) == {pb.UNDECIDED}
    for again in (signals[:1], signals[1:3], signals[3:]):
        assert set((await client.publish(master.stream_id, again)).verdicts) == {pb.ACCEPTED}
    assert db.execute("select code from signals.protection_events").fetchall() == []


class Waiting:
    """Of a publication what a stream asks: which seq it begins with."""

    def __init__(self, seq: int) -> None:
        self.seq = seq
        self.may_go = True

    def is_behind(self, seq: int) -> bool:
        return self.seq > seq


def test_what_was_swept_along_does_not_hold_up_what_was_sent_again() -> None:
    stream = publishing.Stream(0)

    def sent(seq: int) -> Any:
        waiting = cast("Any", Waiting(seq))
        assert stream.admit(waiting)
        return waiting

    first, second = sent(1), sent(2)
    stream.undecided(first, 1)
    assert not second.may_go
    again = [sent(1), sent(2)]
    stream.undecided(second, 2)  # its turn comes only now
    assert all(waiting.may_go for waiting in again)
    for waiting in again:
        stream.decided(waiting)
    sent(3)


async def test_what_waits_behind_a_call_that_took_too_long_runs_into_no_gap(
    start: Start, connect: Connect, market: Market, db: psycopg.Connection[Any], database_url: str
) -> None:
    gateway = await start()
    master = market.master()
    client = await connect(gateway, master.token)
    await client.open_stream(master.stream)
    signals = master.signed(client, 3)
    async with await psycopg.AsyncConnection.connect(database_url) as other:
        await other.execute("select from signals.stream_heads for update")
        first, *behind = [client.publish(master.stream_id, [signal]) for signal in signals]
        assert list((await first).verdicts) == [pb.UNDECIDED]
    for ack in await asyncio.gather(*behind):
        assert list(ack.verdicts) == [pb.UNDECIDED]
    assert list((await client.publish(master.stream_id, signals)).verdicts) == [pb.ACCEPTED] * 3
    assert db.execute("select code from signals.protection_events").fetchall() == []


async def test_busy_plane_refuses_openings_and_what_follows_them_but_no_close(
    start: Start, connect: Connect, market: Market, db: psycopg.Connection[Any]
) -> None:
    # However long it takes until what waits is seen to wait.
    gateway = await start(shed_ms=0, batch_limit=1, call_deadline_ms=30_000)
    held, opener, closer = (market.master(lane=0) for _ in range(3))
    clients = [await connect(gateway, master.token) for master in (held, opener, closer)]
    for master, client in zip((held, opener, closer), clients, strict=True):
        await client.open_stream(master.stream)
    await clients[2].publish(closer.stream_id, closer.signed(clients[2]))
    openings = opener.signed(clients[1], 2)
    close = opener.signed(clients[1], action=pb.CLOSE, position_id=1)
    with db.transaction():
        db.execute("select from signals.stream_heads where stream_id = %s for update", [held.stream_id])
        waiting = [
            clients[0].publish(held.stream_id, held.signed(clients[0])),
            clients[2].publish(closer.stream_id, closer.signed(clients[2], action=pb.CLOSE, position_id=1)),
        ]
        # Nothing is set when a batch begins to wait: only time that passes shows it.
        while not gateway.plane.provider.link(0).waited:  # noqa: ASYNC110
            await asyncio.sleep(0)
        for refused in (openings, close):
            busy = await clients[1].publish(opener.stream_id, refused)
            assert set(busy.verdicts) == {pb.UNDECIDED}
            assert {refusal.code for refusal in busy.refusals} == {"TRP09"}
    assert [list((await ack).verdicts) for ack in waiting] == [[pb.ACCEPTED], [pb.ACCEPTED]]
    # Nothing was counted against the master: what was refused is sent again, and taken.
    again = await clients[1].publish(opener.stream_id, [*openings, *close])
    assert list(again.verdicts) == [pb.ACCEPTED] * 3
    assert market.value("select count(*) from signals.protection_events") == 0


async def test_client_that_sends_more_than_can_be_decided_is_slowed_down(
    start: Start, connect: Connect, market: Market
) -> None:
    gateway = await start(connection_inflight=10, gateway_inflight=200)
    master = market.master()
    client = await connect(gateway, master.token)
    await client.open_stream(master.stream)
    acks = [client.publish(master.stream_id, master.signed(client, 10)) for _ in range(300)]
    for ack in await asyncio.gather(*acks):
        assert set(ack.verdicts) == {pb.ACCEPTED}


async def test_license_that_expires_ends_its_session(
    gateway: Gateway, connect: Connect, market: Market, db: psycopg.Connection[Any]
) -> None:
    client = await connect(gateway, market.master().token, heartbeat=False)
    db.execute("update access.licenses set expires_at = issued_at + interval '1 microsecond'")
    beats = asyncio.create_task(_beat_on(client))
    assert await last_word(client) == "TRA02"
    with pytest.raises(Refusal, match="TRA02"):
        await beats


async def _beat_on(client: Client) -> None:
    while True:
        await client.heartbeat()


async def test_flood_of_small_frames_is_handled_a_part_at_a_time(
    gateway: Gateway, connect: Connect, market: Market
) -> None:
    client = await connect(gateway, market.master().token, heartbeat=False)
    (at_gateway,) = gateway.plane.connections

    def settled() -> bool:
        return at_gateway.is_settled

    async with asyncio.timeout(60):
        at_gateway.data_received(FLOOD)
        assert not settled()
        await client.heartbeat()
        assert settled()
        at_gateway.pause_writing()
        at_gateway.data_received(encode(pb.Heartbeat(), 1))
        assert not settled()  # nothing is answered that could not be sent
        at_gateway.resume_writing()
        assert settled()


async def test_flood_is_answered_before_logout(gateway: Gateway, connect: Connect, market: Market) -> None:
    client = await connect(gateway, market.master().token, heartbeat=False)
    beat = client.request(pb.Heartbeat())
    client.send_raw(FLOOD)
    last = client.request(pb.Heartbeat())
    assert isinstance(await client.logout(), pb.Goodbye)
    assert beat.result()
    assert last.result()


async def test_flood_is_answered_before_a_stop(start: Start, connect: Connect, market: Market) -> None:
    gateway = await start(drain_ms=60_000)
    client = await connect(gateway, market.master().token, heartbeat=False)
    (at_gateway,) = gateway.plane.connections
    at_gateway.data_received(FLOOD)
    async with asyncio.timeout(60):
        await gateway.stop()
        assert isinstance(await client.ended, pb.Goodbye)


# Slow readers


async def test_slow_reader_is_evicted_others_are_not_and_nothing_is_lost(
    start: Start, connect: Connect, market: Market
) -> None:
    gateway = await start(write_buffer_bytes=4096, stall_ms=300)
    master = market.master()
    provider = await connect(gateway, master.token)
    await provider.open_stream(master.stream)
    copiers = [market.subscriber(master) for _ in range(2)]
    slow, quick = [await connect(gateway, token) for token, _ in copiers]
    for client, (_, subscription) in zip((slow, quick), copiers, strict=True):
        await client.subscribe(subscription)
    (at_gateway,) = (
        c for c in gateway.plane.connections if c.session and c.session.session_id.bytes == slow.welcome.session
    )
    _small_buffers(slow, at_gateway)
    slow.pause_reading()
    published = largest = 0
    async with asyncio.timeout(30):
        while at_gateway in gateway.plane.connections:
            await provider.publish(master.stream_id, master.signed(provider, 50))
            published += 50
            largest = max(largest, at_gateway._transport.get_write_buffer_size())
            assert len(await quick.next_deliveries(50)) == 50
    assert largest < 4096 + 3 * 65_536
    slow.resume_reading()
    await slow.ended
    seen = [slow.deliveries.get_nowait() for _ in range(slow.deliveries.qsize())]
    back = await connect(gateway, copiers[0][0])
    await back.subscribe(copiers[0][1], len(seen))
    seen += await back.next_deliveries(published - len(seen))
    assert [delivery.delivery_seq for delivery in seen] == list(range(1, published + 1))


async def test_reader_that_pauses_gets_the_rest_in_order(start: Start, connect: Connect, market: Market) -> None:
    gateway = await start(write_buffer_bytes=4096)
    master = market.master()
    provider = await connect(gateway, master.token)
    await provider.open_stream(master.stream)
    token, subscription = market.subscriber(master)
    copier = await connect(gateway, token)
    await copier.subscribe(subscription)
    (at_gateway,) = (c for c in gateway.plane.connections if c.session and c.session.purpose == "subscribe")
    _small_buffers(copier, at_gateway)
    copier.pause_reading()
    published = 0
    while at_gateway.writable:
        await provider.publish(master.stream_id, master.signed(provider, 50))
        published += 50
        # No more than it takes: through such a buffer some hundred deliveries go in a second.
        await gateway.plane.fanout.drained()
    await provider.publish(master.stream_id, master.signed(provider, 50))
    copier.resume_reading()
    async with asyncio.timeout(60):
        deliveries = await copier.next_deliveries(published + 50)
    assert [delivery.delivery_seq for delivery in deliveries] == list(range(1, published + 51))
    assert not any(delivery.possible_duplicate for delivery in deliveries)


def _small_buffers(client: Client, at_gateway: Any) -> None:
    """So that a few hundred deliveries fill them."""
    client.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    at_gateway._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)


# TLS


def _client_tls(certificate: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(TLS / "ca.pem"))
    if certificate:
        context.load_cert_chain(TLS / f"{certificate}.pem", TLS / f"{certificate}.key")
    return context


def _server_tls(*, client_ca: bool) -> dict[str, Path]:
    settings = {"tls_certificate": TLS / "server.pem", "tls_key": TLS / "server.key"}
    return {**settings, "tls_client_ca": TLS / "ca.pem"} if client_ca else settings


@pytest.mark.parametrize("certificate", [None, "client"])
async def test_tls(start: Start, connect: Connect, market: Market, certificate: str | None) -> None:
    gateway = await start(**_server_tls(client_ca=certificate is not None))
    master = market.master()
    client = await connect(gateway, master.token, tls=_client_tls(certificate))
    await client.open_stream(master.stream)
    assert list((await client.publish(master.stream_id, master.signed(client))).verdicts) == [pb.ACCEPTED]
    assert isinstance(await client.logout(), pb.Goodbye)


async def test_missing_client_certificate(start: Start) -> None:
    gateway = await start(**_server_tls(client_ca=True))
    client = await Client.dial(*gateway.address, tls=_client_tls(None))
    assert await last_word(client) == "TRA09"


async def test_client_certificate_of_another_authority(start: Start) -> None:
    gateway = await start(**_server_tls(client_ca=True))
    with pytest.raises(OSError, match=r"."):
        await (await Client.dial(*gateway.address, tls=_client_tls("stranger"))).hello("x")
    assert not gateway.plane.connections


async def test_plain_text_at_a_tls_port(start: Start) -> None:
    gateway = await start(**_server_tls(client_ca=False))
    client = await Client.dial(*gateway.address)
    client.send_raw(encode(pb.Heartbeat(), 1))
    async with asyncio.timeout(60):
        assert await client.ended is None
