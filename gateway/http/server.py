"""The HTTP API's socket, its pool, and the order in which they start and stop."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from functools import partial
from typing import Any

import structlog
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.http import api, app
from gateway.http.console.live import Live
from gateway.lanes import connector
from gateway.metrics import State, gauge, render
from gateway.server import Gateway
from gateway.settings import Settings
from gateway.startup import suitable, texts
from gateway.tasks import begin

log = structlog.get_logger(__name__)

CLOSE_TIMEOUT = 2.0
BACKLOG = 1024


class Http:
    """The HTTP API of a gateway. `start`, then `stop`; in between it looks after itself."""

    def __init__(
        self, settings: Settings, expected_fingerprint: str | None = None, gateway: Gateway | None = None
    ) -> None:
        """`expected_fingerprint`: of the db/ that it was shipped with; None skips that check. `gateway`: the one that
        runs in this process."""
        self.settings = settings
        self.address: tuple[str, int] = ("", 0)
        self._expected = expected_fingerprint
        self._is_ready = (lambda: gateway.is_ready) if gateway else (lambda: True)
        self._state = State(connector(settings.database_url, settings.database_role, "metrics"))
        self._metrics = gateway.metrics if gateway else partial(render, self._state)

    @property
    def url(self) -> str:
        host, port = self.address
        scheme = "https" if self.settings.tls_certificate else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    async def start(self) -> None:
        """Serve; raises StartupRefused, or OSError when the address cannot be had."""
        settings = self.settings
        connect = connector(settings.http_database_url or settings.database_url, api.TENANT, "http")
        async with suitable(connect, self._expected) as connection:
            said = await texts(connection)
        listening = _listen(settings.host, settings.http_port)
        self._pool = api.pool(settings)
        rates = api.Rates(settings)
        self._shared = api.Api(settings, self._pool, said, rates, self._is_ready, self._tell, self._expected)
        # The other half is for those who do not only watch.
        self._live = Live(self._shared, connect, settings.http_max_clients // 2)
        self._server = _Server(_config(settings, app.create(self._shared, self._live)))
        self.address = listening.getsockname()[:2]
        await self._pool
        self._live.start()
        self._task = begin(self._server.serve([listening]), "http")
        await self._server.takes_connections.wait()
        log.info("serving", url=self.url)

    async def stop(self) -> None:
        """Accept nobody, answer what was asked, close."""
        self._server.should_exit = True
        await self._live.stop()
        await asyncio.wait([self._task], timeout=self.settings.drain_ms / 1000 + CLOSE_TIMEOUT)
        self._state.stop()
        try:
            await asyncio.wait_for(self._pool.close(), CLOSE_TIMEOUT)
        except TimeoutError:
            self._pool.terminate()

    async def _tell(self) -> bytes:
        """For Prometheus: what there is beside it, and what it holds itself."""
        busy = self._pool.get_size() - (idle := self._pool.get_idle_size())
        return await self._metrics(
            more=[
                gauge(
                    "ecp_http_clients", "Clients connected by HTTP.", [({}, len(self._server.server_state.connections))]
                ),
                gauge("ecp_http_watchers", "Browsers that are told what happens.", [({}, self._live.watching)]),
                gauge(
                    "ecp_http_pool_connections",
                    "Connections of the HTTP API to the database, by what they do; all busy: requests wait.",
                    [({"state": "busy"}, busy), ({"state": "idle"}, idle)],
                ),
            ]
        )


class _Server(uvicorn.Server):
    """Signals are the gateway's to take."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.takes_connections = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.takes_connections.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Protocol(H11Protocol):
    """Who connects and does not ask, asks a letter at a time, or does not read what he asked for, keeps no place."""

    HEADERS = 10.0
    patience = 5.0
    """For who does not read; in seconds, as everywhere here."""
    _unread: asyncio.TimerHandle | None = None
    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait_for_headers()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait_for_headers()

    def pause_writing(self) -> None:
        super().pause_writing()
        # Not close(): that would wait for him to read.
        self._unread = self.loop.call_later(self.patience, self.transport.abort)

    def resume_writing(self) -> None:
        self._read()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._asked()
        self._read()
        super().connection_lost(exc)

    def _read(self) -> None:
        if self._unread:
            self._unread.cancel()

    def _wait_for_headers(self) -> None:
        self._asked()
        self._waiting = self.loop.call_later(self.HEADERS, self._give_up)

    def _asked(self) -> None:
        if self._waiting:
            self._waiting.cancel()

    def _give_up(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()


def _config(settings: Settings, application: Any) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http=type("Protocol", (_Protocol,), {"patience": settings.http_body_ms / 1000}),
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.http_proxies),
        forwarded_allow_ips=settings.http_proxies,
        limit_concurrency=settings.http_max_clients,
        timeout_graceful_shutdown=settings.drain_ms // 1000,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
    listening.setblocking(False)
    return listening
