"""Takes accepted signals to the lanes of their subscribers.

Cursors decide: a stream's head is its newest accepted signal, a route says how far a lane has been dispatched.
Where a head is ahead of a route, the lane's pump reads the signals between (feed) and calls dispatch with them.
The gateway that accepted a signal knows at once; the others hear of deliveries that were made, and compare
cursors now and then, in case that a gateway died between its ingest and its dispatch.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from time import monotonic

import structlog

from gateway import calls, meters
from gateway.calls import Position, Row, microseconds
from gateway.delivery import Subscribers
from gateway.errors import Refused
from gateway.lanes import Link, Side
from gateway.listener import PlaneClock
from gateway.tasks import begin, end
from gateway.traces import TRACES

log = structlog.get_logger(__name__)

FEED_LIMIT = 500
RECEIVED_AT = 15  # in a row of signals.feed
# A dispatch makes a decision for every subscription of the lane, so how many signals go into one is found, from the
# first on, by how long it takes (seconds): long enough to batch, short enough for the lane's next.
FIRST_LIMIT = 50
TOO_LONG, SHORT = 0.1, 0.025


class Fanout:
    """A pump for each lane of subscribers, and the poll that makes hints only hints."""

    def __init__(
        self,
        reader: Link,
        side: Side,
        lanes: Iterable[int],
        subscribers: Subscribers,
        clock: PlaneClock,
        *,
        poll: float,
    ) -> None:
        """Streams are read over `reader`, so that the next signals are there when `side` has dispatched the last."""
        self._reader = reader
        self._side = side
        self._lanes = list(lanes)
        self._subscribers = subscribers
        self._clock = clock
        self._poll_every = poll
        self._heads: dict[int, Position] = {}
        self._routes: dict[int, dict[int, Position]] = {lane: {} for lane in self._lanes}
        self._followers: dict[int, set[int]] = {}
        self._stream_lanes: dict[int, int] = {}
        self._dirty: dict[int, set[int]] = {lane: set() for lane in self._lanes}
        self._wake = {lane: asyncio.Event() for lane in self._lanes}
        self._limits = dict.fromkeys(self._lanes, FIRST_LIMIT)
        self._feeds: dict[object, asyncio.Task[list[Row]]] = {}
        self._unsure: set[int] = set()
        """Lanes into which something may have been dispatched whose rows never came."""
        self._reload: set[int] = set()
        self._poll_now = asyncio.Event()
        self._moved = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        for lane in self._lanes:
            await self._load_routes(lane)
        self._tasks = [begin(self._pump(lane), f"fanout {lane}") for lane in self._lanes]
        self._tasks.append(begin(self._poll(), "fanout poll"))

    async def drained(self) -> None:
        """Wait until all that this gateway accepted is dispatched; what another one accepted is not waited for."""
        while any(self._dirty.values()):
            self._moved.clear()
            await self._moved.wait()

    async def stop(self) -> None:
        await end([*self._tasks, *self._feeds.values()])

    # Hints

    def accepted(self, head: Position) -> None:
        """A stream's newest accepted signal, as this gateway learnt it."""
        known = self._heads.get(head.stream_id)
        if known is None or head > known:
            self._heads[head.stream_id] = head
        for lane in self._followers.get(head.stream_id, ()):
            self._dirty[lane].add(head.stream_id)
            self._wake[lane].set()

    def deliveries_heard(self, pid: int, lane: str) -> None:
        """Another gateway has dispatched into a lane; what this one dispatched it has pushed already."""
        if pid not in {link.pid for link in self._side.links}:
            self._subscribers.read_lane(int(lane))

    def routes_heard(self, _pid: int, lane: str) -> None:
        """A subscription began or ended."""
        self._reload.add(int(lane))
        self._poll_now.set()

    def listening(self) -> None:
        """The listener was deaf until now."""
        self._subscribers.read_all()
        self._reload.update(self._lanes)
        self._poll_now.set()

    # Pumps

    async def _pump(self, lane: int) -> None:
        while True:
            await self._wake[lane].wait()
            self._wake[lane].clear()
            try:
                while await self._advance(lane):
                    pass
            except Refused as refusal:
                log.warning("fan-out interrupted", lane=lane, code=refusal.code)
                self._limits[lane] = max(1, self._limits[lane] // 2)
                self._unsure.add(lane)
                if refusal.code == "TRS21":
                    # The database has been set back behind what we remember of it.
                    self._routes[lane].clear()
                    self._reload.add(lane)
                    self._poll_now.set()
            self._moved.set()

    async def _advance(self, lane: int) -> bool:
        """One step for every stream that is ahead of its route; False when there is none."""
        behind: dict[int, list[tuple[Position, Position]]] = {}
        for stream_id in sorted(self._dirty[lane]):
            route, head = self._routes[lane].get(stream_id), self._heads.get(stream_id)
            if route is None or head is None or head <= route:
                self._dirty[lane].discard(stream_id)
            else:
                behind.setdefault(self._stream_lanes[stream_id], []).append((route, head))
        if not behind:
            self._make_sure(lane)
            return False
        feeds = await asyncio.gather(*(self._feed(stream_lane, tuple(span)) for stream_lane, span in behind.items()))
        fed = [row for rows in feeds for row in rows]
        if not fed:
            # The head was no longer true; the poll knows better.
            for spans in behind.values():
                for _, head in spans:
                    if self._heads.get(head.stream_id) == head:
                        del self._heads[head.stream_id]
            return True
        start = 0
        while start < len(fed):
            chunk = fed[start : start + self._limits[lane]]
            await self._dispatch(lane, chunk)
            start += len(chunk)
        return True

    async def _feed(self, stream_lane: int, spans: tuple[tuple[Position, Position], ...]) -> list[Row]:
        """Lanes at the same cursors share one reading. The heads are in the key, so that whoever joins a reading
        that is under way finds in it what woke him."""
        key = (stream_lane, spans)
        feed = self._feeds.get(key)
        if feed is None:
            after = [route for route, _ in spans]
            feed = self._feeds[key] = asyncio.create_task(calls.feed(self._reader, stream_lane, after, FEED_LIMIT))
            feed.add_done_callback(lambda _: self._feeds.pop(key))
        return await feed

    async def _dispatch(self, lane: int, fed: list[Row]) -> None:
        routes = self._routes[lane]
        newest = {row[0]: Position(*row[:3]) for row in fed}
        link = self._side.link(lane)
        after = [routes[stream_id] for stream_id in newest if stream_id in routes]
        began = monotonic()
        rows = await calls.dispatch(link, lane, after, fed)
        took = link.took
        for stream_id, position in newest.items():
            if stream_id in routes and position > routes[stream_id]:
                routes[stream_id] = position
        self._subscribers.push(rows)
        meters.FAN_OUT.observe(max(0, self._clock.now_us() - microseconds(fed[0][RECEIVED_AT])) / 1_000_000)
        if TRACES.recorder:
            TRACES.recorder.dispatched(fed, began, monotonic())
        self._make_sure(lane)
        if took > TOO_LONG:
            self._limits[lane] = max(1, self._limits[lane] // 2)
        elif took < SHORT and len(fed) >= self._limits[lane]:
            self._limits[lane] = min(FEED_LIMIT, self._limits[lane] * 2)

    def _make_sure(self, lane: int) -> None:
        """The lane is where its routes say: what was dispatched on the way there, and not pushed, is in the log."""
        if lane in self._unsure:
            self._unsure.discard(lane)
            self._subscribers.read_lane(lane)

    # The poll

    async def _poll(self) -> None:
        """Twice a second, sooner when told: are there routes that stand behind where heads stood last time?"""
        seen: list[Position] = []
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll_every):  # wait_for can lose a cancellation
                    await self._poll_now.wait()
            told, lanes = self._poll_now.is_set(), self._lanes
            if told:
                self._poll_now.clear()
                lanes, self._reload = sorted(self._reload), set()
            try:
                for lane in lanes:
                    await self._load_routes(lane)
                if told:
                    continue
                for head in seen:
                    if any(
                        self._routes[lane][head.stream_id] < head for lane in self._followers.get(head.stream_id, ())
                    ):
                        self.accepted(head)
                seen = [head for lane in self._lanes for head in await calls.heads(self._reader, lane)]
            except Refused:
                self._reload.update(lanes)
                continue
            self._subscribers.retry()
            for lane in self._lanes:
                if self._dirty[lane]:
                    self._wake[lane].set()

    async def _load_routes(self, lane: int) -> None:
        """Goes over the link that dispatches into the lane, so what it finds is never older than what we know."""
        found = await calls.routes(self._side.link(lane), lane)
        routes = self._routes[lane]
        for stream_id in routes.keys() - {route.stream_id for _, route in found}:
            del routes[stream_id]
            self._followers[stream_id].discard(lane)
        for stream_lane, route in found:
            known = routes.get(route.stream_id)
            if known is not None and route > known:
                self._subscribers.read_lane(lane)  # dispatched by somebody else, and the hint may be lost
            routes[route.stream_id] = route
            self._stream_lanes[route.stream_id] = stream_lane
            self._followers.setdefault(route.stream_id, set()).add(lane)
            head = self._heads.get(route.stream_id)
            if head is not None and head > route:
                self._dirty[lane].add(route.stream_id)
                self._wake[lane].set()
