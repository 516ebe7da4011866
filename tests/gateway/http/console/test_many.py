"""Many browsers, and some that do not read."""

import asyncio
import socket
from contextlib import AsyncExitStack

import httpx
import pytest

from gateway.http.console import live, pages
from gateway.http.server import Http
from tests.gateway.conftest import Market
from tests.gateway.http.conftest import Start
from tests.gateway.http.console.conftest import sign_in

PATIENCE = 60.0
BROWSERS = 1_000


async def connected(http: Http, browser: httpx.AsyncClient) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A browser that has asked to be told."""
    asking = socket.socket()
    asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    asking.setblocking(False)
    await asyncio.get_running_loop().sock_connect(asking, http.address)
    reader, writer = await asyncio.open_connection(sock=asking, limit=4096)
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    writer.write(f"GET /console/live HTTP/1.1\r\nHost: localhost\r\nCookie: {cookies}\r\n\r\n".encode())
    return reader, writer


async def test_a_thousand_browsers_are_told_and_the_next_is_refused(start_http: Start, market: Market) -> None:
    http = await start_http(http_max_clients=2 * BROWSERS, http_rate="100000/second")
    async with AsyncExitStack() as open_, httpx.AsyncClient(base_url=http.url, timeout=PATIENCE) as browser:
        await sign_in(browser, http, market)
        readers = []
        for _ in range(BROWSERS):
            reader, writer = await connected(http, browser)
            open_.callback(writer.close)
            assert b" 200 " in await reader.readline()
            readers.append(reader)
        assert (await browser.get("/console/live")).status_code == 503
        market.db.execute("select signals.halt('GLOBAL', null, 'a drill', 'a test')")

        async def is_told(reader: asyncio.StreamReader) -> None:
            while b"a test: a drill" not in await reader.readline():
                pass

        async with asyncio.timeout(PATIENCE):
            told = asyncio.gather(*map(is_told, readers))
            assert (await browser.get("/health")).status_code == 200
            await told


async def test_who_does_not_read_loses_his_place(
    start_http: Start, market: Market, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(live, "PAUSE", 0.0)
    monkeypatch.setattr(live, "BEAT", 0.01)
    monkeypatch.setattr(pages, "events", lambda *_: b": " + bytes(2**21) + b"\n\n")
    http = await start_http(http_max_clients=6, http_body_ms=1_000)
    async with AsyncExitStack() as open_, httpx.AsyncClient(base_url=http.url, timeout=PATIENCE) as browser:
        await sign_in(browser, http, market)
        for _ in range(3):
            reader, writer = await connected(http, browser)
            open_.callback(writer.close)
            assert b" 200 " in await reader.readline()
        async with asyncio.timeout(PATIENCE):
            while True:
                async with browser.stream("GET", "/console/live") as answer:
                    if answer.status_code == 200:
                        break
                    assert answer.status_code == 503
    assert "failed" not in capsys.readouterr().out, "it is nothing that an operator must look into"
