"""What all requests share, and the transaction that each of them is."""

import asyncio
import hashlib
import json
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple, TypeAlias

import asyncpg
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from gateway.errors import Texts
from gateway.http import calls
from gateway.http.problems import Problem, of_credential, of_database
from gateway.settings import Settings

Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Rows: TypeAlias = Sequence[Any]

CONNECT_TIMEOUT = 1.0
REMEMBERED = 10_000
"""Tokens and licenses that were good lately."""
TENANT = "ecp_api"


class Who(NamedTuple):
    """access.admit: whom a request is for, and the role that it is run as."""

    account_id: int
    account: str
    role: str


class Rates:
    """How much may be asked: with one token, for one account, for tokens with one license, and with what is no token or
    license, from one address. Who shares an address with one that guesses keeps a token that was good lately."""

    def __init__(self, settings: Settings) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._requests = parse(settings.http_rate)
        self._exchanges = parse(settings.http_exchange_rate)
        self._guesses = parse(settings.http_guess_rate)
        # Digests, the newest last.
        self._good: dict[str, None] = {}

    async def request(self, token: str, peer: str) -> None:
        """Before the database is asked. Raises TRW06."""
        await self._may_try(token, peer)
        await self._hit(self._requests, "token", _digest(token))

    async def account(self, account_id: int) -> None:
        """The same, when it is known who asks: one account may have many tokens. Raises TRW06."""
        await self._hit(self._requests, "account", str(account_id))

    async def exchange(self, license_: str, peer: str) -> None:
        """Raises TRW06."""
        await self._may_try(license_, peer)
        await self._hit(self._exchanges, "license", _digest(license_))

    def good(self, secret: str) -> None:
        digest = _digest(secret)
        self._good.pop(digest, None)
        self._good[digest] = None
        if len(self._good) > REMEMBERED:
            del self._good[next(iter(self._good))]

    async def wrong(self, secret: str, peer: str) -> None:
        """Raises TRW06: so often may an address be wrong."""
        self._good.pop(_digest(secret), None)
        await self._hit(self._guesses, "peer", peer)

    async def _may_try(self, secret: str, peer: str) -> None:
        if _digest(secret) not in self._good and not await self._limiter.test(self._guesses, "peer", peer):
            await self._refuse(self._guesses, "peer", peer)

    async def _hit(self, limit: RateLimitItem, *key: str) -> None:
        if not await self._limiter.hit(limit, *key):
            await self._refuse(limit, *key)

    async def _refuse(self, limit: RateLimitItem, *key: str) -> None:
        window = await self._limiter.get_window_stats(limit, *key)
        wait = max(1, math.ceil(window.reset_time - time.time()))
        raise Problem("TRW06", f"no more than {limit}", headers={"Retry-After": str(wait)})


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass
class Api:
    """The database as the API sees it, and what its codes say."""

    settings: Settings
    pool: Pool
    texts: Texts
    rates: Rates
    is_ready: Callable[[], bool]
    """Whether what else runs in this process does its work."""
    metrics: Callable[[], Awaitable[bytes]]
    """What Prometheus is told."""
    fingerprint: str | None = None
    """Of the db/ that this was shipped with."""

    def __post_init__(self) -> None:
        # Never all connections, for halts go over them too.
        self._long = asyncio.Semaphore(max(1, self.settings.http_connections // 2))
        self._at_length: set[int] = set()

    def may_scrape(self, peer: str) -> bool:
        return any(ip_address(peer) in ip_network(each) for each in self.settings.http_scrapers.split(",") if each)

    @asynccontextmanager
    async def transaction(
        self,
        *,
        readonly: bool = False,
        deadline_ms: int | None = None,
        may_be_done: bool = False,
        is_long: bool = False,
    ) -> AsyncIterator[Connection]:
        """A transaction as ecp_api, with nobody bound yet. Those that may be long wait for each other. Raises Problem
        for whatever the database refuses; if it goes away, TRD02 where it `may_be_done` all the same."""
        try:
            async with (
                asyncio.timeout((deadline_ms or self.settings.http_deadline_ms) / 1000),
                self._long if is_long else nullcontext(),
                self.pool.acquire(timeout=CONNECT_TIMEOUT) as connection,
                connection.transaction(readonly=readonly),
            ):
                yield connection
        except Problem:
            raise
        except Exception as error:
            problem = of_database(error, outcome_unknown=may_be_done)
            if problem is None:
                raise
            raise problem from error

    @contextmanager
    def alone(self, account_id: int) -> Iterator[None]:
        """At what may be long an account is once at a time. Raises TRW06."""
        if account_id in self._at_length:
            raise Problem("TRW06", "one such request of an account at a time", headers={"Retry-After": "1"})
        self._at_length.add(account_id)
        try:
            yield
        finally:
            self._at_length.remove(account_id)

    async def admit(self, connection: Connection, token: str, peer: str) -> Who:
        """Bind the transaction to whom the token was given, and go on in its role. Raises Problem."""
        try:
            who = Who(*await connection.fetchrow(calls.ADMIT, token, peer))  # type: ignore[misc]
        except asyncpg.PostgresError as error:
            problem = of_database(error)
            if problem is None:
                raise
            problem = of_credential(problem)
            if problem.status == 401:
                await self.rates.wrong(token, peer)
            raise problem from error
        self.rates.good(token)
        if who.role != TENANT:
            await connection.execute(calls.BECOME, who.role)
        return who


def pool(settings: Settings) -> Pool:
    """Connections as ecp_api, made when they are needed: it is there before the database is, and after it was away."""
    return asyncpg.create_pool(
        settings.http_database_url or settings.database_url,
        min_size=0,
        max_size=settings.http_connections,
        timeout=CONNECT_TIMEOUT,
        init=_init,
        reset=_reset,
        server_settings={
            "application_name": "ecp http",
            "role": TENANT,
            "statement_timeout": str(settings.http_deadline_ms),
            "lock_timeout": str(settings.http_deadline_ms),
            "idle_in_transaction_session_timeout": str(settings.http_deadline_ms),
        },
    )


async def _init(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(kind, schema="pg_catalog", encoder=json.dumps, decoder=json.loads)


async def _reset(connection: Any) -> None:
    """What a request sets ends with its transaction, so that is all there is to end."""
    if connection.is_in_transaction():
        await connection.execute("rollback")
