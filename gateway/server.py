"""The gateway: its connections to the database, its socket, and the order in which they start and stop."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Iterable, Sequence

import structlog
from prometheus_client.metrics_core import Metric

from gateway import calls
from gateway import ecp_pb2 as pb
from gateway.connection import ClientConnection
from gateway.delivery import Subscribers
from gateway.errors import Refused, StartupRefused, Texts
from gateway.fanout import Fanout
from gateway.jobs import Ticker
from gateway.lanes import LOST, Connect, Connection, Link, Side, connector
from gateway.listener import Listener, PlaneClock
from gateway.metrics import State, render
from gateway.plane import Openings, Plane
from gateway.settings import Settings
from gateway.startup import suitable, texts
from gateway.tasks import begin, end

log = structlog.get_logger(__name__)

GOODBYE = 2.0


class Gateway:
    """One gateway of possibly many on a database. `start`, then `stop`; in between it looks after itself."""

    def __init__(self, settings: Settings, expected_fingerprint: str | None = None) -> None:
        """`expected_fingerprint`: of the db/ that this gateway was shipped with; None skips that check."""
        self.settings = settings
        self.address: tuple[str, int] = ("", 0)
        self._expected = expected_fingerprint
        self.links: list[Link] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._state = State(self._connector("metrics"))

    @property
    def is_ready(self) -> bool:
        """Whether it takes connections and hears of what others do."""
        return not self.plane.is_draining and self.listener.is_alive

    async def start(self) -> None:
        """Serve; raises StartupRefused, or OSError when the address cannot be had."""
        settings = self.settings
        tls = _tls(settings)
        connect = self._connector("listener")
        clock = PlaneClock()
        async with suitable(connect, self._expected) as connection:
            lanes, said, raising = await _read(connection, clock)
        access = self._link(
            "access", [calls.OPEN_SESSION, calls.RENEW_SESSIONS, calls.CLOSE_SESSION, calls.OPEN_STREAM]
        )
        provider = self._side("provider", settings.provider_connections, [calls.INGEST, calls.RESYNC])
        subscriber = self._side(
            "subscriber",
            settings.subscriber_connections,
            [calls.REPORT, calls.NOTE_EQUITY, calls.RECONCILE, calls.RESUME, calls.DELIVERIES],
        )
        uploads = self._link("uploads", [calls.UPLOAD_SPECIFICATIONS], settings.upload_deadline_ms)
        reader = self._link("feed", [calls.HEADS, calls.FEED], settings.fanout_deadline_ms)
        spread = self._side(
            "fanout", settings.fanout_connections, [calls.ROUTES, calls.DISPATCH], settings.fanout_deadline_ms
        )
        subscribers = Subscribers(subscriber, lanes)
        fanout = Fanout(reader, spread, lanes, subscribers, clock, poll=settings.poll_ms / 1000)
        openings = Openings(settings.license_openings)
        self.plane = Plane(
            settings, said, access, uploads, provider, subscriber, subscribers, fanout, clock, openings, raising
        )
        self._ticker = Ticker(self._connector("jobs"), deadline=settings.jobs_deadline_ms / 1000)
        self.listener = Listener(
            connect,
            {"ecp_deliveries": fanout.deliveries_heard, "ecp_routes": fanout.routes_heard},
            fanout.listening,
            clock,
        )
        try:
            await self._start_links()
            await fanout.start()
            subscribers.start()
            self.listener.start()
            self._server = await asyncio.get_running_loop().create_server(
                lambda: ClientConnection(self.plane),
                settings.host,
                settings.port,
                ssl=tls,
                backlog=4096,
                reuse_port=settings.reuse_port,
            )
        except BaseException:
            await self._stop_database()
            raise
        self.address = self._server.sockets[0].getsockname()[:2]
        self._ticker.start()
        self._tasks = [begin(self._renew_leases(), "leases"), begin(self._evict(), "evict")]
        log.info("serving", host=self.address[0], port=self.address[1], gateway=settings.name, lanes=len(lanes))

    async def stop(self) -> None:
        """Accept nobody, read nothing more, answer what was read, say goodbye, give the leases back."""
        self._server.close()
        plane = self.plane
        plane.is_draining = True
        for connection in list(plane.connections):
            connection.stop_reading()
        await self._until(lambda: all(c.is_settled for c in plane.connections), self.settings.drain_ms / 1000)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(plane.fanout.drained(), self.settings.drain_ms / 1000)
        for connection in list(plane.connections):
            connection.say_goodbye("shutting down")
        await self._until(lambda: not plane.connections, GOODBYE)
        for connection in list(plane.connections):
            connection.abort()
        await self._until(lambda: not plane.connections and not plane.tasks, GOODBYE)
        await end(self._tasks)
        await self._stop_database()
        log.info("stopped", gateway=self.settings.name)

    async def metrics(self, more: Iterable[Metric] = ()) -> bytes:
        """For Prometheus: what this gateway counts, holds and waits for, and how the plane is; and `more`."""
        return await render(self._state, self, more)

    async def _until(self, condition: Callable[[], bool], seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not condition():
                    self.plane.progress.clear()
                    await self.plane.progress.wait()

    async def _start_links(self) -> None:
        for outcome in await asyncio.gather(*(link.start() for link in self.links), return_exceptions=True):
            if isinstance(outcome, LOST):
                raise StartupRefused("TRD01", str(outcome)) from outcome
            if isinstance(outcome, BaseException):
                raise outcome

    async def _stop_database(self) -> None:
        self._state.stop()
        await self._ticker.stop()
        await self.listener.stop()
        await self.plane.fanout.stop()
        await self.plane.subscribers.stop()
        await asyncio.gather(*(link.stop() for link in self.links))

    def _connector(self, name: str) -> Connect:
        return connector(self.settings.database_url, self.settings.database_role, name)

    def _link(self, name: str, statements: list[str], deadline_ms: int | None = None) -> Link:
        link = Link(
            name,
            self._connector(name),
            statements,
            deadline=(deadline_ms or self.settings.call_deadline_ms) / 1000,
            batch_limit=self.settings.batch_limit,
        )
        self.links.append(link)
        return link

    def _side(self, name: str, count: int, statements: list[str], deadline_ms: int | None = None) -> Side:
        return Side([self._link(f"{name} {number}", statements, deadline_ms) for number in range(count)])

    async def _renew_leases(self) -> None:
        """Three times in a lease, for whoever showed life since."""
        while True:
            await asyncio.sleep(self.plane.lease_ms / 3000)
            showed_life = [c for c in self.plane.connections if c.session and c.showed_life]
            # Thousands in one call would take longer than a call may, and keep all who say hello waiting.
            for first in range(0, len(showed_life), self.settings.batch_limit):
                await self._renew(showed_life[first : first + self.settings.batch_limit])

    async def _renew(self, connections: Sequence[ClientConnection]) -> None:
        live = {connection.session_id: connection for connection in connections}
        offsets = [connection.offset_us for connection in connections]
        for connection in connections:
            connection.showed_life = False
        try:
            renewed = await calls.renew_sessions(self.plane.access, self.settings.name, list(live), offsets)
        except Refused:
            for connection in connections:
                connection.showed_life = True
            return
        for row in renewed:
            if row.code:
                live[row.session_id].fail(row.code)

    async def _evict(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(1)
            now = loop.time()
            for connection in list(self.plane.connections):
                connection.check_alive(now)


async def _read(connection: Connection, clock: PlaneClock) -> tuple[list[int], Texts, frozenset[int]]:
    """The lanes of this database, what its codes say, and which actions raise exposure."""
    lanes = [row[0] for row in await connection.fetch(calls.LANES)]
    raising = frozenset(pb.Action.Value(row[0]) for row in await connection.fetch(calls.RAISING))
    await clock.read(connection)
    return lanes, await texts(connection), raising


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.tls_certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    if settings.tls_client_ca:
        # A wrong certificate fails the handshake; a missing one is told what is missing (TRA09).
        context.load_verify_locations(settings.tls_client_ca)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context
