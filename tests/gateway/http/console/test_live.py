"""What browsers are told while things happen."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from gateway.http.console import live, pages
from gateway.server import Gateway
from tests.gateway.conftest import Connect, Market
from tests.gateway.http.console.conftest import Visit

pytestmark = pytest.mark.core

PATIENCE = 30.0


@asynccontextmanager
async def watching(browser: httpx.AsyncClient) -> AsyncIterator[AsyncIterator[str]]:
    """The data of each event `numbers`."""
    async with browser.stream("GET", "/console/live") as answer:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        lines = answer.aiter_lines()

        async def numbers() -> AsyncIterator[str]:
            async for line in lines:
                if line == "event: numbers":
                    yield await anext(lines)

        yield numbers()


async def until(told: AsyncIterator[str], is_right: Callable[[str], Any]) -> str:
    async with asyncio.timeout(PATIENCE):
        while not is_right(text := await anext(told)):
            pass
    return text


def shows(name: str, number: int) -> Callable[[str], bool]:
    return lambda text: f'data-number="{name}">{number}<' in text


@pytest.fixture
def only_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read because time has passed."""
    monkeypatch.setattr(live, "BEAT", 3600.0)


async def test_a_reading_that_fails_ends_nobody(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    events, readings = pages.events, itertools.count(1)

    def fails_at_first(*arguments: Any) -> bytes:
        if next(readings) == 1:
            raise RuntimeError("a column is gone")
        return events(*arguments)

    monkeypatch.setattr(pages, "events", fails_at_first)
    async with watching(await visit()) as told:
        await until(told, shows("Signals", 0))
    assert next(readings) > 2


@pytest.mark.usefixtures("only_hints")
async def test_a_signal_moves_the_numbers_of_all_who_watch(
    visit: Visit, gateway: Gateway, connect: Connect, market: Market
) -> None:
    master = market.master()
    token, subscription = market.subscriber(master)
    client, copier = await connect(gateway, master.token), await connect(gateway, token)
    await client.open_stream(master.stream)
    await copier.subscribe(subscription)
    browser = await visit()
    async with watching(browser) as one, watching(browser) as other:
        for told in (one, other):
            await until(told, shows("Deliveries", 0))
        await client.publish(master.stream_id, master.signed(client))
        of_one, of_other = [await until(told, shows("Deliveries", 1)) for told in (one, other)]
        assert shows("Signals", 1)(of_one)
        assert of_one == of_other, "both were told of the same reading"


@pytest.mark.usefixtures("only_hints")
async def test_a_halt_from_elsewhere_is_told_at_once(visit: Visit, market: Market) -> None:
    browser = await visit()
    async with browser.stream("GET", "/console/live") as answer:
        lines = answer.aiter_lines()
        await until(lines, lambda line: "Nothing is halted" in line)
        market.db.execute("select signals.halt('GLOBAL', null, 'a drill', 'a test')")
        await until(lines, lambda line: "a test: a drill" in line)
        market.db.execute("select signals.lift_halt('GLOBAL', null, 'it is over', 'a test')")
        await until(lines, lambda line: "Nothing is halted" in line)


async def test_without_a_hint_it_is_read_all_the_same(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "BEAT", 0.1)
    async with watching(await visit()) as told:
        first = await until(told, shows("Signals", 0))
        await until(told, lambda text: text != first and shows("Signals a second", 0)(text.replace("0.0", "0")))


async def test_what_is_told_ends_after_a_while_so_that_who_watches_shows_who_he_is(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "WATCH", 0.1)
    monkeypatch.setattr(live, "BEAT", 0.1)
    async with asyncio.timeout(PATIENCE), (await visit()).stream("GET", "/console/live") as answer:
        assert b"retry:" in await answer.aread()
