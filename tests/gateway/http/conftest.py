"""The HTTP API on a real socket, a real database behind it, and clients with tokens."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from gateway.http.server import Http
from gateway.settings import Settings
from tests.gateway.conftest import Market

NUMBERS = itertools.count(1)


@dataclass
class Client:
    """Asks with a token; each thing that it asks for under a key of its own."""

    http: httpx.AsyncClient
    tokens: dict[str, Any] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens['access_token']}"} if self.tokens else {}

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.http.get(path, params=query, headers=self.headers)

    async def post(self, path: str, body: Any, *, key: str | None = None) -> httpx.Response:
        key = key or f"key-{next(NUMBERS)}"
        return await self.http.post(path, json=body, headers={**self.headers, "Idempotency-Key": key})

    async def items(self, path: str, **query: Any) -> list[dict[str, Any]]:
        answer = await self.get(path, **query)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found


Start = Callable[..., Awaitable[Http]]
SignIn = Callable[..., Awaitable[Client]]


@pytest.fixture
def http_dsn(database_url: str) -> str:
    """Of a login that may become every role."""
    return database_url


@pytest.fixture
async def start_http(http_dsn: str) -> AsyncIterator[Start]:
    """Starts APIs on the test's database; those still up at the end are stopped."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> Http:
            options = {"http": True, "http_port": 0, "database_url": http_dsn, "drain_ms": 1_000, **settings}
            http = Http(Settings(**options))
            await http.start()
            stack.push_async_callback(http.stop)
            return http

        yield start


@pytest.fixture
async def http(start_http: Start) -> Http:
    return await start_http()


@pytest.fixture
async def web(http: Http) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=http.url, timeout=30) as client:
        yield client


@pytest.fixture
def sign_in(web: httpx.AsyncClient, market: Market) -> SignIn:
    """A client for an account; of the house in another scope than tenant."""

    async def sign_in(account: int | None = None, scope: str = "tenant") -> Client:
        account = account or market.account("subscriber" if scope == "tenant" else scope)
        license_token = market.license(account, "api")
        answer = await web.post("/v1/tokens", json={"license": license_token, "scope": scope})
        assert answer.status_code == 200, answer.text
        return Client(web, answer.json())

    return sign_in


@pytest.fixture
async def operator(sign_in: SignIn) -> Client:
    return await sign_in(scope="operator")


def refused(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a problem, which is whole."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["type"] == f"urn:ecp:error:{problem['code']}"
    assert problem["title"]
    assert problem["detail"]
    assert problem["hint"]
    return answer.status_code, problem["code"]
