"""The reference client: what an expert advisor does, in asyncio. The demo, the bench and the tests drive it.

client = await Client.connect("127.0.0.1", 7400, token)
stream = await client.open_stream("alpha")
ack = await client.publish(stream.stream_id, [sign(key, Signal(stream_id=stream.stream_id, ...))])
"""

import asyncio
import hmac
import os
import ssl
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Self, cast

from gateway import ecp_pb2 as pb
from gateway.wire import Splitter, encode

OnDeliveries = Callable[[Sequence[pb.Delivery]], None]

# The plane's frames carry whole batches of answers, so they may be longer than what it accepts.
_CAP = 16 * 1024 * 1024


class Refusal(Exception):
    """An Error frame from the plane; `code` is one of docs/errors.md."""

    def __init__(self, error: pb.Error) -> None:
        super().__init__(f"{error.code}: {error.message} {error.detail} {error.hint}")
        self.code = error.code
        self.message = error.message
        self.detail = error.detail
        self.hint = error.hint
        self.fatal = error.fatal


class Disconnected(ConnectionError):
    """The connection ended while an answer was awaited: its outcome is unknown, resend the same bytes."""


def now_us() -> int:
    """This machine's clock, microseconds."""
    return time.time_ns() // 1000


def sign(key: bytes, signal: pb.Signal) -> pb.SignedSignal:
    payload = signal.SerializeToString()
    return pb.SignedSignal(signal=payload, tag=hmac.digest(key, payload, "sha256"))


class Client(asyncio.Protocol):
    """One connection after Welcome. Requests return futures (or are awaited); their order is kept."""

    welcome: pb.Welcome
    deliveries: "asyncio.Queue[pb.Delivery]"
    """What was delivered, unless `on_deliveries` takes it."""
    ended: "asyncio.Future[pb.Error | pb.Goodbye | None]"
    """Done when the connection has ended: with the plane's last word, None if there was none."""

    def __init__(self, on_deliveries: OnDeliveries | None = None) -> None:
        self.deliveries = asyncio.Queue()
        self.ended = asyncio.get_running_loop().create_future()
        self.errors: list[pb.Error] = []  # those that answer no request
        self.on_deliveries = on_deliveries or self._queue
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._next_id = 1
        self._splitter = Splitter(_CAP)
        self._last_word: pb.Error | pb.Goodbye | None = None
        self._offset_us = 0
        self._heartbeat: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._answers: dict[str, Callable[[pb.Frame], None]] = {
            "ack": lambda frame: self._answer(frame.id, frame.ack),
            "report_ack": lambda frame: self._answer(frame.id, frame.report_ack),
            "book_ack": lambda frame: self._answer(frame.id, frame.book_ack),
            "account_state_ack": lambda frame: self._answer(frame.id, frame.account_state_ack),
            "specifications_ack": lambda frame: self._answer(frame.id, frame.specifications_ack),
            "welcome": lambda frame: self._answer(frame.id, frame.welcome),
            "stream_opened": lambda frame: self._answer(frame.id, frame.stream_opened),
            "subscribed": lambda frame: self._answer(frame.id, frame.subscribed),
            "heartbeat_ack": lambda frame: self._answer(frame.id, frame.heartbeat_ack),
            "deliveries": lambda frame: self.on_deliveries(frame.deliveries.deliveries),
            "error": self._error,
            "goodbye": self._goodbye,
        }

    # Connecting

    @classmethod
    async def dial(cls, host: str, port: int, *, tls: ssl.SSLContext | None = None, **options: Any) -> Self:
        """A connection that has not said hello: what an adversary starts from."""
        loop = asyncio.get_running_loop()
        _, client = await loop.create_connection(lambda: cls(**options), host, port, ssl=tls)
        return client

    @classmethod
    async def connect(
        cls,
        host: str,
        port: int,
        token: str,
        *,
        instance: bytes | None = None,
        name: str = "ecp-reference/1",
        tls: ssl.SSLContext | None = None,
        on_deliveries: OnDeliveries | None = None,
        heartbeat: bool = True,
    ) -> Self:
        """Dial and say hello. `instance`: keep the same 16 bytes to take over one's own lease at once."""
        client = await cls.dial(host, port, tls=tls, on_deliveries=on_deliveries)
        try:
            await client.hello(token, instance=instance, name=name)
        except BaseException:
            client.abort()
            raise
        if heartbeat:
            client._heartbeat = asyncio.create_task(client._beat())
        return client

    async def hello(
        self, token: str, *, instance: bytes | None = None, name: str = "ecp-reference/1", protocol: int = 1
    ) -> pb.Welcome:
        hello = pb.Hello(
            protocol=protocol,
            token=token,
            instance=instance or os.urandom(16),
            client=name,
            client_time_us=now_us(),
        )
        before = now_us()
        self.welcome = await self.request(hello)
        self._offset_us = self.welcome.plane_time_us - (before + now_us()) // 2
        return self.welcome

    # Requests

    def request(self, body: Any) -> "asyncio.Future[Any]":
        """Send a message that has an answer; the future gets it, a Refusal, or Disconnected."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self.ended.done():
            answer.set_exception(self._disconnected())
            return answer
        frame_id = self._next_id
        self._next_id += 1
        self._waiting[frame_id] = answer
        self.transport.write(encode(body, frame_id))
        return answer

    async def open_stream(self, name: str) -> pb.StreamOpened:
        opened: pb.StreamOpened = await self.request(pb.OpenStream(stream=name))
        return opened

    def publish(self, stream_id: int, signals: Sequence[pb.SignedSignal]) -> "asyncio.Future[pb.Ack]":
        """One frame of signals; the Ack has a verdict for each, in their order."""
        return self.request(pb.Publish(stream_id=stream_id, signals=signals))

    async def resync(self, stream_id: int, epoch: int, key: bytes) -> pb.Ack:
        """Begin `epoch` (greater than the stream's) at seq 1."""
        intent = pb.ResyncIntent(stream_id=stream_id, epoch=epoch, sent_at_us=self.plane_time_us())
        payload = intent.SerializeToString()
        ack: pb.Ack = await self.request(pb.Resync(intent=payload, tag=hmac.digest(key, payload, "sha256")))
        return ack

    async def subscribe(self, subscription_id: int, last_processed: int = 0) -> pb.Subscribed:
        """Deliveries after `last_processed` (a delivery_seq) follow, then all that comes."""
        subscribed: pb.Subscribed = await self.request(
            pb.Subscribe(subscription_id=subscription_id, last_processed=last_processed)
        )
        return subscribed

    async def resend(self, subscription_id: int, last_processed: int) -> pb.Subscribed:
        """Deliveries after `last_processed` once more, marked possible_duplicate or gap_fill."""
        subscribed: pb.Subscribed = await self.request(
            pb.Resend(subscription_id=subscription_id, last_processed=last_processed)
        )
        return subscribed

    def report(self, reports: Sequence[pb.Report]) -> "asyncio.Future[pb.ReportAck]":
        return self.request(pb.Reports(reports=reports))

    async def specifications(
        self, portfolio_id: int, specifications: Sequence[pb.Specification]
    ) -> pb.SpecificationsAck:
        """All that the broker offers; answers with what each of the masters' symbols is called there."""
        ack: pb.SpecificationsAck = await self.request(
            pb.Specifications(portfolio_id=portfolio_id, specifications=specifications)
        )
        return ack

    def account_state(
        self,
        portfolio_id: int,
        *,
        balance_e8: int,
        equity_e8: int,
        broker_time_us: int | None = None,
        subscriptions: Sequence[pb.SubscriptionState] = (),
    ) -> "asyncio.Future[pb.AccountStateAck]":
        """`broker_time_us`: what the broker's server shows, in its own zone; by default the plane's clock."""
        return self.request(
            pb.AccountState(
                portfolio_id=portfolio_id,
                balance_e8=balance_e8,
                equity_e8=equity_e8,
                broker_time_us=self.plane_time_us() if broker_time_us is None else broker_time_us,
                subscriptions=subscriptions,
            )
        )

    async def book(self, subscription_id: int, last_processed: int, holdings: Sequence[pb.Holding]) -> pb.BookAck:
        """All that the account holds for the subscription; deliveries mend what is not as it should be."""
        ack: pb.BookAck = await self.request(
            pb.Book(subscription_id=subscription_id, last_processed=last_processed, holdings=holdings)
        )
        return ack

    async def heartbeat(self) -> pb.HeartbeatAck:
        """Also measures the plane's clock."""
        before = now_us()
        ack: pb.HeartbeatAck = await self.request(pb.Heartbeat(client_time_us=before))
        self._offset_us = ack.plane_time_us - (before + now_us()) // 2
        return ack

    async def logout(self) -> pb.Error | pb.Goodbye | None:
        """Give the lease back; returns the plane's last word."""
        self.transport.write(encode(pb.Logout(), self._next_id))
        return await self.ended

    # Beside requests

    def plane_time_us(self) -> int:
        """The plane's clock, as last measured: what Signal.sent_at_us must carry."""
        return now_us() + self._offset_us

    async def next_deliveries(self, count: int) -> list[pb.Delivery]:
        """The next `count` deliveries from the queue."""
        return [await self.deliveries.get() for _ in range(count)]

    async def __aiter__(self) -> AsyncIterator[pb.Delivery]:
        while True:
            yield await self.deliveries.get()

    async def drained(self) -> None:
        """Wait until the transport takes more; only those who send without awaiting answers need it."""
        await self._writable.wait()

    def send_raw(self, data: bytes) -> None:
        """Any bytes at all."""
        self.transport.write(data)

    def pause_reading(self) -> None:
        """Be a slow reader."""
        self.transport.pause_reading()

    def resume_reading(self) -> None:
        self.transport.resume_reading()

    def abort(self) -> None:
        """Drop the connection without a word."""
        self.transport.abort()

    async def close(self) -> None:
        """Logout if there is somebody to say it to, and wait for the end."""
        if not self.ended.done():
            self.transport.write(encode(pb.Logout(), self._next_id))
            _, unfinished = await asyncio.wait({self.ended}, timeout=5)
            if unfinished:
                self.transport.abort()
                await self.ended

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's are no subclass of it

    def data_received(self, data: bytes) -> None:
        frames, fault = self._splitter.feed(data)
        for frame in frames:
            body = frame.WhichOneof("body")
            if body is not None:
                self._answers[body](frame)
        if fault:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._heartbeat:
            self._heartbeat.cancel()
        self._writable.set()
        waiting, self._waiting = self._waiting, {}
        if not self.ended.done():
            self.ended.set_result(self._last_word)
        for answer in waiting.values():
            if not answer.done():
                answer.set_exception(self._disconnected())
                answer.exception()  # an answer that nobody awaits is no news

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # Frames

    def _answer(self, frame_id: int, body: Any) -> None:
        answer = self._waiting.pop(frame_id, None)
        if answer is not None and not answer.done():
            answer.set_result(body)

    def _error(self, frame: pb.Frame) -> None:
        if frame.error.fatal:
            self._last_word = frame.error
        answer = self._waiting.pop(frame.id, None)
        if answer is None:
            self.errors.append(frame.error)
        elif not answer.done():
            answer.set_exception(Refusal(frame.error))

    def _goodbye(self, frame: pb.Frame) -> None:
        self._last_word = frame.goodbye

    def _queue(self, deliveries: Sequence[pb.Delivery]) -> None:
        for delivery in deliveries:
            self.deliveries.put_nowait(delivery)

    def _disconnected(self) -> Exception:
        if isinstance(self._last_word, pb.Error):
            return Refusal(self._last_word)
        return Disconnected("the connection ended")

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self.welcome.heartbeat_ms / 1000)
            await self.heartbeat()
