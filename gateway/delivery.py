"""Deliveries to the subscriptions that are connected here.

A subscription is one number: the delivery_seq that it is owed next. A row that has it is sent, a lower one has
been sent, a higher one means that something is missing here, and then the log is read from the number on.
So nothing is kept for a subscription that does not read, and there is no hole and no reordering.
"""

import asyncio
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from time import monotonic
from typing import Any, Protocol

import structlog

from gateway import calls, meters
from gateway.errors import Refused
from gateway.lanes import Side
from gateway.tasks import begin, end
from gateway.traces import TRACES
from gateway.wire import SESSION, DeliveryEncoder

log = structlog.get_logger(__name__)

# One reading: so many subscriptions, and so many rows over all of them.
READERS = 256
ROWS = 1024


class Reader(Protocol):
    """What is needed of a connection."""

    writable: bool
    session_id: uuid.UUID

    def fail(self, code: str) -> None: ...

    def send_deliveries(self, deliveries: Sequence[bytes]) -> None: ...


class Subscriber:
    """A subscription on its connection. Up to `resend_until` deliveries may have been seen before."""

    __slots__ = ("lane", "next", "reader", "resend_until", "subscription_id")

    def __init__(self, reader: Reader, lane: int, subscription_id: int, *, last: int, newest: int) -> None:
        self.reader = reader
        self.lane = lane
        self.subscription_id = subscription_id
        self.next = last + 1
        self.resend_until = newest


class Subscribers:
    """All subscriptions connected here, and a task per lane that reads for those that are behind."""

    def __init__(self, side: Side, lanes: Iterable[int]) -> None:
        self._side = side
        self._all: dict[int, Subscriber] = {}
        self._by_lane: dict[int, dict[int, Subscriber]] = {lane: {} for lane in lanes}
        self._behind: dict[int, dict[int, Subscriber]] = {lane: {} for lane in self._by_lane}
        self._wake = {lane: asyncio.Event() for lane in self._by_lane}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [begin(self._read_behind(lane), f"delivery {lane}") for lane in self._by_lane]

    async def stop(self) -> None:
        await end(self._tasks)

    def add(self, subscriber: Subscriber) -> None:
        """Also takes the subscription over from whichever connection had it, which is told, and moves it back for
        a resend."""
        previous = self._all.get(subscriber.subscription_id)
        if previous is not None and previous.reader.session_id != subscriber.reader.session_id:
            previous.reader.fail("TRA06")
        self._all[subscriber.subscription_id] = subscriber
        self._by_lane[subscriber.lane][subscriber.subscription_id] = subscriber
        self._owe(subscriber)

    def remove(self, subscription_id: int, reader: Reader) -> None:
        subscriber = self._all.get(subscription_id)
        if subscriber is not None and subscriber.reader is reader:
            del self._all[subscription_id]
            del self._by_lane[subscriber.lane][subscription_id]
            self._behind[subscriber.lane].pop(subscription_id, None)

    def resume(self, subscription_ids: Iterable[int], reader: Reader) -> None:
        """`reader` takes bytes again: it is owed what it missed."""
        for subscription_id in subscription_ids:
            subscriber = self._all.get(subscription_id)
            if subscriber is not None and subscriber.reader is reader:
                self._owe(subscriber)

    @property
    def behind(self) -> int:
        """How many are owed something that must be read for them."""
        return sum(map(len, self._behind.values()))

    def read_lane(self, lane: int) -> None:
        """Somebody else delivered in this lane."""
        if self._by_lane.get(lane):
            self._behind[lane].update(self._by_lane[lane])
            self._wake[lane].set()

    def read_all(self) -> None:
        for lane in self._by_lane:
            self.read_lane(lane)

    def retry(self) -> None:
        """Go on where the database was away."""
        for lane, behind in self._behind.items():
            if behind:
                self._wake[lane].set()

    def push(self, rows: Sequence[Sequence[Any]], *, asked: Mapping[int, Subscriber] | None = None) -> None:
        """Rows of signals.delivery, those of a subscription by delivery_seq; from the log if these `asked`."""
        encoder = DeliveryEncoder()
        sending: dict[Reader, list[bytes]] = {}
        recorder, began = TRACES.recorder, monotonic()
        for row in rows:
            subscriber = self._all.get(row[0])
            if subscriber is None or row[1] < subscriber.next or not subscriber.reader.writable:
                continue
            if asked is not None and asked.get(row[0]) is not subscriber:
                continue  # asked for by its predecessor, from another number on
            is_fenced = row[SESSION] != subscriber.reader.session_id
            if asked is None and (is_fenced or row[1] > subscriber.next):
                self._owe(subscriber)  # a dispatch may be older than the session: the log knows
                continue
            if is_fenced:
                # Another session copies this subscription now; with two, everything would be traded twice.
                sending.pop(subscriber.reader, None)
                self.remove(row[0], subscriber.reader)
                subscriber.reader.fail("TRA06")
                continue
            if row[1] > subscriber.next:
                # The client sees the hole by counting.
                log.error("deliveries are missing from the log", subscription=row[0], after=subscriber.next - 1)
            subscriber.next = row[1] + 1
            sending.setdefault(subscriber.reader, []).append(encoder.encode(row))
            if recorder:
                recorder.delivered(row, began)
        meters.DELIVERIES["dispatch" if asked is None else "log"] += sum(map(len, sending.values()))
        for reader, deliveries in sending.items():
            reader.send_deliveries(deliveries)

    def _owe(self, subscriber: Subscriber) -> None:
        self._behind[subscriber.lane][subscriber.subscription_id] = subscriber
        self._wake[subscriber.lane].set()

    async def _read_behind(self, lane: int) -> None:
        while True:
            await self._wake[lane].wait()
            self._wake[lane].clear()
            while subscribers := self._take(lane):
                try:
                    await self._read(lane, subscribers)
                except Refused:
                    self._behind[lane].update((s.subscription_id, s) for s in subscribers if self._is_current(s))
                    break

    def _take(self, lane: int) -> list[Subscriber]:
        """Some that are behind and can be read for in one call. Who does not take bytes comes back by `resume`."""
        behind = self._behind[lane]
        taken: list[Subscriber] = []
        resend: bool | None = None
        for subscription_id, subscriber in list(behind.items()):
            if not subscriber.reader.writable:
                del behind[subscription_id]
            elif resend is None or resend == _is_resend(subscriber):
                resend = _is_resend(subscriber)
                taken.append(subscriber)
                del behind[subscription_id]
                if len(taken) == READERS:
                    break
        return taken

    async def _read(self, lane: int, subscribers: list[Subscriber]) -> None:
        limit = ROWS // len(subscribers)
        rows = await calls.deliveries(
            self._side.link(lane),
            lane,
            [(s.subscription_id, s.next - 1) for s in subscribers],
            limit,
            resend=_is_resend(subscribers[0]),
        )
        self.push(rows, asked={s.subscription_id: s for s in subscribers})
        counts = Counter(row[0] for row in rows)
        for subscriber in subscribers:
            if counts[subscriber.subscription_id] == limit and self._is_current(subscriber):
                self._owe(subscriber)

    def _is_current(self, subscriber: Subscriber) -> bool:
        return self._all.get(subscriber.subscription_id) is subscriber


def _is_resend(subscriber: Subscriber) -> bool:
    return subscriber.next <= subscriber.resend_until
