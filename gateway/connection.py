"""One client: its state, its frames, and how much of it the gateway is willing to hold.

Hello comes first. Requests that change what the connection may do or will get (Hello, OpenStream, Resync, Subscribe,
Resend, Specifications, Book) are answered one at a time, and the frames behind them wait; of Publish, Reports and
AccountState many are on the way at once. Logout, the client's end of the stream, and a fault in the bytes, wait until
all of it is answered.
"""

import asyncio
import ipaddress
import secrets
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

import structlog
from google.protobuf.message import DecodeError, Message

from gateway import accounts, calls, meters, publishing, reporting
from gateway import ecp_pb2 as pb
from gateway.accounts import MODES, Stating
from gateway.calls import microseconds
from gateway.delivery import Subscriber
from gateway.errors import FATAL, RESYNC_VERDICTS, Refused
from gateway.plane import Plane
from gateway.publishing import BIGINT_MAX, Publication, text
from gateway.reporting import Reporting
from gateway.wire import Splitter, encode, encode_deliveries

if TYPE_CHECKING:
    import uuid

    from structlog.typing import FilteringBoundLogger

    from gateway.lanes import Link

log = structlog.get_logger(__name__)

PROTOCOL = 1
TURN = 64  # frames of one connection, then the others get their turn
LINGER = 1.0  # seconds that a last word has to reach the client


class ClientConnection(asyncio.Protocol):
    """From connection_made to connection_lost. `writable` is false while the client does not take bytes."""

    def __init__(self, plane: Plane) -> None:
        self.writable = True
        self.session: calls.Opened | None = None
        self.session_id: uuid.UUID
        self.offset_us = 0
        """Client clock minus plane clock, at the last heartbeat."""
        self.showed_life = False
        """Whether anything was heard since the lease was last renewed."""
        self.log: FilteringBoundLogger = log.bind(correlation=secrets.token_hex(8))
        """Every line about this connection has the same correlation."""
        self._plane = plane
        self._splitter = Splitter(plane.settings.max_hello_bytes)
        self._backlog: deque[pb.Frame] = deque()
        self._ending: Callable[[], None] | None = None
        """How it ends, once what was read before is answered: nothing after it is handled."""
        self._streams: dict[int, publishing.Stream] = {}  # by stream_id
        self._subscriptions: set[int] = set()
        self._portfolios: set[int] = set()
        """Of these subscriptions."""
        self._inflight = 0
        self._is_busy = False  # with a request that the frames behind it wait for
        self._is_reading = True
        self._is_half_closed = False  # by the client
        self._is_closing = False
        self._next_turn: asyncio.Handle | None = None
        self._outgoing: list[bytes] = []
        self._unread: asyncio.TimerHandle | None = None
        self._linger: asyncio.TimerHandle | None = None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no subclass of it
        self._loop = asyncio.get_running_loop()
        self._frame_at = self._loop.time()
        self._read_at, self._received_us = monotonic(), 0
        self._transport.set_write_buffer_limits(high=self._plane.settings.write_buffer_bytes)
        full = len(self._plane.connections) >= self._plane.settings.max_clients
        self._plane.connections.add(self)
        if full:
            self.fail("TRP09")
        elif self._plane.is_draining:
            self.fail("TRP10")
        elif self._plane.settings.tls_client_ca and not transport.get_extra_info("peercert"):
            self.fail("TRA09")

    def data_received(self, data: bytes) -> None:
        if self._is_closing:
            return
        frames, fault = self._splitter.feed(data)
        if fault:
            self._ending = partial(self.fail, fault)
        if frames:
            self._frame_at = self._loop.time()
            self.showed_life = True
            if not self._backlog:
                # Of the oldest that wait: how long we let a signal wait is not its master's doing.
                self._read_at, self._received_us = monotonic(), self._plane.clock.now_us()
            self._backlog.extend(frames)
        self._work()

    def eof_received(self) -> bool:
        """The client says no more, but may still listen: what it said is answered. True keeps the transport open."""
        if self._is_closing or not self._transport.can_write_eof():  # TLS ends in both directions at once
            return False
        self._is_half_closed = True
        self._ending = self._ending or self._close
        self._close_within(self._plane.settings.stall_ms / 1000)
        self._work()
        return True

    def pause_writing(self) -> None:
        self.writable = False
        self._regulate()
        if not self._is_closing:
            stall = self._plane.settings.stall_ms / 1000
            self._unread = self._loop.call_later(stall, self.fail, "TRP08")

    def resume_writing(self) -> None:
        if self._unread:
            self._unread.cancel()
            self._unread = None
        if not self._is_closing:
            self.writable = True
            self._plane.subscribers.resume(self._subscriptions, self)
            self._work()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._leave()
        self._outgoing.clear()
        for timer in (self._unread, self._linger):
            if timer:
                timer.cancel()
        self._plane.connections.discard(self)
        self._plane.progress.set()
        if self.session:
            self.log.info("session closed")
            self._plane.spawn(self._close_session(self.session))

    # What others ask of a connection

    def settle(self, answer: bytes, count: int) -> None:
        """`count` signals (with the positions in them), reports or the like are answered."""
        self._release(count)
        if not self._is_closing:
            self._write(answer)
            self._work()

    def send_deliveries(self, deliveries: Sequence[bytes]) -> None:
        self._write(encode_deliveries(deliveries, self._plane.settings.max_frame_bytes))

    def fail(self, code: str, frame_id: int = 0, detail: str = "") -> None:
        """Say what is wrong; close if it is fatal."""
        if self._is_closing:
            return
        fatal = code in FATAL or self.session is None
        meters.ERRORS[code] += 1
        self._send(self._plane.texts.error(code, detail, fatal=fatal), frame_id)
        if fatal:
            self.log.info("connection refused", code=code, detail=detail)
            self._close()

    def stop_reading(self) -> None:
        """Take no more; what was read is still answered."""
        self._regulate()

    @property
    def is_settled(self) -> bool:
        return self._inflight == 0 and not self._is_busy and not self._backlog

    def say_goodbye(self, reason: str, frame_id: int = 0) -> None:
        if not self._is_closing:
            self._send(pb.Goodbye(reason=reason), frame_id)
            self._close()

    def abort(self) -> None:
        self._transport.abort()

    def check_alive(self, now: float) -> None:
        """Called about once a second, by loop time."""
        if self._is_closing or not self._is_reading:
            return
        settings = self._plane.settings
        silent_ms = (now - self._frame_at) * 1000
        if (
            silent_ms > settings.idle_ms
            or (self.session is None and silent_ms > settings.hello_ms)
            or (self._splitter.unfinished and silent_ms > settings.stall_ms)
        ):
            self.fail("TRP07")

    # Frames

    def _work(self) -> None:
        """Handle what was read, as far as it may be handled now, and leave the loop to others now and then."""
        if self._next_turn:
            return
        cap = self._plane.settings.connection_inflight
        for _ in range(TURN):
            if not self._backlog or self._is_busy or not self.writable or self._inflight >= cap:
                break
            self._handle(self._backlog.popleft())
        else:
            self._next_turn = self._loop.call_soon(self._work_on)
        if self.is_settled:
            self._plane.progress.set()
            if self._ending and not self._is_closing:
                self._ending()
        self._regulate()

    def _work_on(self) -> None:
        self._next_turn = None
        self._work()

    def _handle(self, frame: pb.Frame) -> None:
        body = frame.WhichOneof("body")
        handler = _HANDLERS.get(body) if body else None
        if handler is None:
            self.fail("TRP04", frame.id)
        elif (self.session is None) != (body == "hello"):
            self.fail("TRP05", frame.id)
        else:
            handler(self, frame)

    def _publish(self, frame: pb.Frame) -> None:
        publish = frame.publish
        stream_id, count = publish.stream_id, len(publish.signals)
        stream = self._streams.get(stream_id)
        if stream is None:
            self.fail("TRS10", frame.id)
            return
        if count == 0 or count > self._plane.settings.max_frame_items:
            self.fail("TRP01" if count else "TRP02", frame.id, f"{count} signals")
            return
        signals = publishing.read(stream_id, publish.signals)
        positions = publishing.positions(signals)
        if positions > self._plane.settings.max_frame_items:
            self.fail("TRP01", frame.id, f"{positions} positions")
            return
        link = self._plane.provider.link(stream.lane)
        job = Publication(
            self,
            self._plane.fanout,
            self._plane.texts,
            frame_id=frame.id,
            stream=stream,
            stream_id=stream_id,
            seqs=[None if signal is None else publishing.bigint(signal.seq) for signal in signals],
            size=count + positions,
        )
        if self._admit(count + positions) and not self._sheds(link, signals) and stream.admit(job):
            columns = publishing.columns(self.session_id, stream_id, publish.signals, signals, self._received_us)
            link.submit(calls.INGEST, stream.lane, columns, job, self._read_at)
        else:
            job.refused("TRP09")

    def _sheds(self, link: "Link", signals: Sequence[pb.Signal | None]) -> bool:
        """Whether a frame is refused for others' sake: it only opens, and their closes would wait behind it."""
        return link.waited * 1000 > self._plane.settings.shed_ms and publishing.are_all(signals, self._plane.raising)

    def _reports(self, frame: pb.Frame) -> None:
        reports = frame.reports.reports
        count = len(reports)
        if count == 0 or count > self._plane.settings.max_frame_items:
            self.fail("TRP01" if count else "TRP02", frame.id, f"{count} reports")
            return
        job = Reporting(self, self._plane.texts, frame_id=frame.id, reports=reports)
        if self._admit(count):
            columns = reporting.columns(self.session_id, reports)
            self._plane.subscriber.link(self._lane).submit(calls.REPORT, self._lane, columns, job, self._read_at)
        else:
            job.refused("TRP09")

    def _account_state(self, frame: pb.Frame) -> None:
        state = frame.account_state
        count = max(1, len(state.subscriptions))
        if count > self._plane.settings.max_frame_items:
            self.fail("TRP01", frame.id, f"{count} subscriptions")
            return
        if state.portfolio_id not in self._portfolios:
            self.fail("TRS24", frame.id)
            return
        job = Stating(self, self._plane.texts, frame_id=frame.id, count=count)
        if self._admit(count):
            columns = accounts.states(self.session_id, state)
            self._plane.subscriber.link(self._lane).submit(calls.NOTE_EQUITY, self._lane, columns, job, self._read_at)
        else:
            job.refused("TRP09")

    def _admit(self, count: int) -> bool:
        """Count it as undecided, until `settle`; False when the gateway holds too much."""
        self._inflight += count
        self._plane.inflight += count
        return self._plane.inflight <= self._plane.settings.gateway_inflight

    def _release(self, count: int) -> None:
        self._inflight -= count
        self._plane.inflight -= count
        self._plane.progress.set()

    def _heartbeat(self, frame: pb.Frame) -> None:
        plane_us = self._plane.clock.now_us()
        client_us = frame.heartbeat.client_time_us
        self.offset_us = max(-BIGINT_MAX, min(BIGINT_MAX, client_us - plane_us))
        self._send(pb.HeartbeatAck(client_time_us=client_us, plane_time_us=plane_us), frame.id)

    def _logout(self, frame: pb.Frame) -> None:
        self._backlog.clear()
        self._ending = partial(self.say_goodbye, "logout", frame.id)

    # Requests that the frames behind them wait for

    def _request(self, frame: pb.Frame, work: Coroutine[Any, Any, None]) -> None:
        self._is_busy = True
        self._plane.spawn(self._answer(frame.id, work))

    async def _answer(self, frame_id: int, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Refused as refusal:
            self.fail(refusal.code, frame_id, refusal.detail)
        finally:
            self._is_busy = False
            self._work()

    async def _hello(self, frame: pb.Frame) -> None:
        hello, now = frame.hello, self._loop.time()
        token = text(hello.token) or ""
        license_id = token.rpartition("_")[0]
        if hello.protocol != PROTOCOL:
            raise Refused("TRP06", f"protocol {hello.protocol}")
        if len(hello.instance) != 16:
            raise Refused("TRP03", "Hello.instance must be 16 bytes")
        if self._plane.openings.are_too_many(license_id, now):
            raise Refused("TRP09", "too many sessions of this license")
        opened = await calls.open_session(
            self._plane.access,
            token=token,
            instance=hello.instance,
            peer=ipaddress.ip_address(_host(self._transport.get_extra_info("peername"))),
            gateway=self._plane.settings.name,
            client=text(hello.client) or "",
        )
        if opened.code:
            raise Refused(opened.code)
        self._plane.openings.add(license_id, now)
        if self._is_closing:
            await self._close_session(opened)
            return
        self.session = opened
        self.session_id, self._lane = opened.session_id, opened.lane
        self.log = self.log.bind(session=str(opened.session_id), account=opened.account)
        self.log.info("session opened", purpose=opened.purpose, license=license_id, client=text(hello.client))
        self._plane.lease_ms = opened.lease_ms
        self._splitter.cap = self._plane.settings.max_frame_bytes
        welcome = pb.Welcome(
            session=opened.session_id.bytes,
            account=opened.account,
            purpose=opened.purpose,
            plane_time_us=microseconds(opened.plane_time),
            heartbeat_ms=self._plane.settings.heartbeat_ms,
            max_frame_bytes=self._plane.settings.max_frame_bytes,
        )
        self._send(welcome, frame.id)

    async def _open_stream(self, frame: pb.Frame) -> None:
        name = frame.open_stream.stream
        opened = await calls.open_stream(self._plane.access, self.session_id, text(name) or "")
        if opened.code:
            raise Refused(opened.code, opened.detail or "")
        self._streams[opened.stream_id] = publishing.Stream(opened.lane)
        self.log.info("stream opened", stream=opened.stream_id, epoch=opened.epoch, seq=opened.last_seq)
        answer = pb.StreamOpened(
            stream_id=opened.stream_id,
            stream=name,
            epoch=opened.epoch,
            last_seq=opened.last_seq,
            ttl_ms=opened.ttl_ms,
        )
        self._send(answer, frame.id)

    async def _resync(self, frame: pb.Frame) -> None:
        payload = frame.resync.intent
        try:
            intent = pb.ResyncIntent.FromString(payload)
        except DecodeError:
            raise Refused("TRS09", "Resync.intent is no ResyncIntent") from None
        stream = self._streams.get(intent.stream_id)
        if stream is None:
            raise Refused("TRS10")
        answer = pb.Ack(stream_id=intent.stream_id, seqs=[0])
        try:
            resynced = await calls.resync(
                self._plane.provider.link(stream.lane),
                stream.lane,
                self.session_id,
                intent,
                payload=payload,
                tag=frame.resync.tag,
            )
        except Refused as refusal:
            verdict, code = pb.UNDECIDED, refusal.code
        else:
            code = resynced.code or ""
            verdict = RESYNC_VERDICTS.get(code, pb.NOT_ALLOWED) if code else pb.ACCEPTED
            answer.epoch, answer.next_seq = resynced.epoch or 0, resynced.next_seq or 0
            answer.decided_at_us = microseconds(resynced.decided_at)
        self.log.info("stream resynced", stream=intent.stream_id, epoch=intent.epoch, code=code or None)
        answer.verdicts.append(verdict)
        answer.originals.append(verdict)
        answer.refusals.extend(self._plane.texts.refusals([code or None]))
        self._send(answer, frame.id)

    async def _subscribe(self, frame: pb.Frame) -> None:
        await self._resume(frame.id, frame.subscribe.subscription_id, frame.subscribe.last_processed)

    async def _resend(self, frame: pb.Frame) -> None:
        if frame.resend.subscription_id not in self._subscriptions:
            raise Refused("TRS17")
        await self._resume(frame.id, frame.resend.subscription_id, frame.resend.last_processed)

    async def _resume(self, frame_id: int, subscription_id: int, last: int) -> None:
        if subscription_id > BIGINT_MAX:
            raise Refused("TRS17")
        link = self._plane.subscriber.link(self._lane)
        resumed = await calls.resume(link, self._lane, self.session_id, subscription_id, min(last, BIGINT_MAX))
        if resumed.code:
            raise Refused(resumed.code, resumed.detail or "")
        if self._is_closing:
            return
        newest = resumed.delivery_seq
        self.log.info("subscribed", subscription=subscription_id, after=last, newest=newest)
        answer = pb.Subscribed(
            subscription_id=subscription_id,
            stream=resumed.stream,
            delivery_seq=newest,
            state=resumed.state,
            portfolio_id=resumed.portfolio_id,
            mode=MODES[resumed.mode],
        )
        self._send(answer, frame_id)
        self._subscriptions.add(subscription_id)
        self._portfolios.add(resumed.portfolio_id)
        self._plane.subscribers.add(Subscriber(self, self._lane, subscription_id, last=last, newest=newest))

    async def _specifications(self, frame: pb.Frame) -> None:
        portfolio_id, rows = frame.specifications.portfolio_id, frame.specifications.specifications
        count = len(rows)
        if count == 0 or count > self._plane.settings.max_specifications:
            raise Refused("TRP01" if count else "TRP02", f"{count} specifications")
        if portfolio_id not in self._portfolios:
            raise Refused("TRS24")
        with self._admitted(count):
            resolutions = await calls.upload_specifications(
                self._plane.uploads, self._lane, self.session_id, portfolio_id, accounts.specifications(rows)
            )
        first = resolutions[0]
        if first.code:
            raise Refused(first.code, first.detail or "")
        answer = pb.SpecificationsAck(portfolio_id=portfolio_id)
        for row in resolutions:
            if row.master_symbol is not None:
                answer.resolutions.add(
                    master_symbol=row.master_symbol, symbol=row.symbol or "", reason=row.reason or ""
                )
        self._send(answer, frame.id)

    async def _book(self, frame: pb.Frame) -> None:
        book = frame.book
        count = len(book.holdings)
        if count > self._plane.settings.max_frame_items:
            raise Refused("TRP01", f"{count} holdings")
        if book.subscription_id not in self._subscriptions:
            raise Refused("TRS17")
        link = self._plane.subscriber.link(self._lane)
        with self._admitted(max(1, count)):
            reconciled = await calls.reconcile(
                link,
                self._lane,
                self.session_id,
                book.subscription_id,
                min(book.last_processed, BIGINT_MAX),
                accounts.holdings(book.holdings),
            )
        if reconciled.code:
            raise Refused(reconciled.code, reconciled.detail or "")
        answer = pb.BookAck(
            subscription_id=book.subscription_id,
            settled=reconciled.settled,
            differences=reconciled.differences,
            delivery_seq=reconciled.delivery_seq,
        )
        self._send(answer, frame.id)
        self._plane.subscribers.resume([book.subscription_id], self)

    @contextmanager
    def _admitted(self, count: int) -> Iterator[None]:
        """Counted as undecided meanwhile. When all terminals come back at once, what they have to tell of themselves
        fills at most half of what the gateway may hold, so that signals and reports still pass."""
        if self._plane.inflight + count > self._plane.settings.gateway_inflight // 2:
            raise Refused("TRP09")
        self._admit(count)
        try:
            yield
        finally:
            self._release(count)

    # Backpressure and the end

    def _regulate(self) -> None:
        """Read only while there is room for what would be read, and for its answers."""
        cap = self._plane.settings.connection_inflight
        has_room = self._inflight < cap if self._is_reading else self._inflight <= cap // 2
        waits = self._is_busy or self._backlog or self._ending or self._plane.is_draining
        reads = self._is_closing or (has_room and self.writable and not waits)
        if reads != self._is_reading and not self._transport.is_closing():
            self._is_reading = reads
            if reads:
                self._frame_at = self._loop.time()  # it was us who did not listen
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def _send(self, body: Message, frame_id: int) -> None:
        if not self._is_closing:
            self._write(encode(body, frame_id))

    def _write(self, data: bytes) -> None:
        """What one turn of the loop has to say goes as one write: a system call costs more than the rest of it."""
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(data)

    def _flush(self) -> None:
        if self._outgoing:
            outgoing, self._outgoing = self._outgoing, []
            self._transport.write(b"".join(outgoing))

    def _leave(self) -> None:
        """Nothing more is delivered here."""
        self._is_closing = True
        self.writable = False
        self._backlog.clear()
        for subscription_id in self._subscriptions:
            self._plane.subscribers.remove(subscription_id, self)

    def _close(self) -> None:
        """After what was written. A socket closed over unread bytes resets the connection, and the last word would be
        lost: so the end is said, what still comes is thrown away, and the client closes; or time does."""
        self._flush()
        self._leave()
        if self._transport.can_write_eof() and not self._is_half_closed:
            with suppress(OSError):  # the client is gone, which not every event loop takes quietly
                self._transport.write_eof()
            self._regulate()
        else:
            self._transport.close()
        self._close_within(LINGER)

    def _close_within(self, seconds: float) -> None:
        if self._linger:
            self._linger.cancel()
        self._linger = self._loop.call_later(seconds, self._transport.abort)

    async def _close_session(self, session: calls.Opened) -> None:
        try:
            await calls.close_session(self._plane.access, session.session_id)
        except Refused:
            self.log.info("session left to its lease")


def _host(peername: tuple[Any, ...]) -> str:
    """An address as licenses list it: IPv4 in IPv6 is IPv4, and an interface is no part of it."""
    host = str(peername[0]).partition("%")[0]
    return host.removeprefix("::ffff:") if "." in host else host


_Handler = Callable[[ClientConnection, pb.Frame], None]


def _waited_for(request: Callable[[ClientConnection, pb.Frame], Coroutine[Any, Any, None]]) -> _Handler:
    return lambda connection, frame: connection._request(frame, request(connection, frame))


_HANDLERS: dict[str, _Handler] = {
    "hello": _waited_for(ClientConnection._hello),
    "open_stream": _waited_for(ClientConnection._open_stream),
    "publish": ClientConnection._publish,
    "resync": _waited_for(ClientConnection._resync),
    "subscribe": _waited_for(ClientConnection._subscribe),
    "resend": _waited_for(ClientConnection._resend),
    "specifications": _waited_for(ClientConnection._specifications),
    "book": _waited_for(ClientConnection._book),
    "reports": ClientConnection._reports,
    "account_state": ClientConnection._account_state,
    "heartbeat": ClientConnection._heartbeat,
    "logout": ClientConnection._logout,
}
