"""The console in a real browser, before a real gateway and database: by keyboard, on a phone, in the dark."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

from gateway import ecp_pb2 as pb
from gateway.client import Client
from gateway.http.server import Http
from gateway.server import Gateway
from ops.browser import chromium
from ops.paths import ROOT
from tests.gateway.conftest import LOT, Connect, Market, Master

pytestmark = pytest.mark.core

expect.set_options(timeout=30_000)

PAGES = {
    "overview": "/",
    "streams": "/streams",
    "stream": "/streams/{stream}",
    "subscriptions": "/subscriptions",
    "subscription": "/subscriptions/{subscription}",
    "explanation": "/subscriptions/{subscription}/deliveries/1",
    "trust": "/trust",
    "standing": "/trust/{account}",
    "money": "/money",
    "statement": "/money/{account}",
    "jobs": "/jobs",
    "audit": "/audit",
    "halts": "/halts",
}


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        yield await playwright.chromium.launch(executable_path=chromium())


@pytest.fixture
async def page(browser: Browser, http: Http) -> AsyncIterator[Page]:
    """A page of a new browser; at the end nothing was asked of anybody else, and nothing was complained of."""
    context = await browser.new_context(base_url=http.url, viewport={"width": 1000, "height": 700})
    page = await context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    yield page
    assert f"{http.url}/console/static/console.js" in asked
    assert [url for url in asked if not url.startswith(http.url)] == []
    assert complaints == []
    await context.close()


class Trade:
    """A master and a copier, connected, and what passes between them."""

    def __init__(self, master: Master, client: Client, copier: Client, subscription: int) -> None:
        self.master = master
        self.subscription = subscription
        self._client = client
        self._copier = copier

    async def send(self, action: "pb.Action", position: int) -> str:
        """The verdict."""
        signed = self.master.signed(self._client, action=action, position_id=position)
        ack = await self._client.publish(self.master.stream_id, signed)
        return pb.Verdict.Name(ack.verdicts[0])

    async def copied(self) -> "pb.Action":
        """The next delivery, executed."""
        (delivery,) = await self._copier.next_deliveries(1)
        now = self._copier.plane_time_us()
        report = pb.Report(
            subscription_id=self.subscription,
            delivery_seq=delivery.delivery_seq,
            status=pb.EXECUTED,
            ticket=delivery.position_id,
            price_e8=delivery.price_e8,
            volume_e8=delivery.volume_e8 or LOT // 10,
            received_at_us=now,
            executed_at_us=now,
        )
        await self._copier.report([report])
        return delivery.action

    async def go_on(self, enough: asyncio.Event) -> None:
        """Open and close, again and again."""
        for position in range(100, 1_000_000):
            for action in (pb.OPEN, pb.CLOSE):
                await self.send(action, position)
                await self.copied()
            if enough.is_set():
                return

    @asynccontextmanager
    async def flows(self) -> AsyncIterator[None]:
        enough = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.go_on(enough))
            try:
                yield
            finally:
                enough.set()


@pytest.fixture
async def trade(gateway: Gateway, connect: Connect, market: Market) -> Trade:
    master = market.master()
    token, subscription = market.subscriber(master)
    client, copier = await connect(gateway, master.token), await connect(gateway, token)
    await client.open_stream(master.stream)
    await copier.subscribe(subscription)
    return Trade(master, client, copier, subscription)


async def sign_in(page: Page, market: Market, scope: str = "operator") -> None:
    await page.goto("/console/")
    await page.get_by_label("License").fill(market.license(market.account(scope), "api"))
    await page.get_by_label("As", exact=True).select_option(scope)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


async def tab_to(page: Page, place: Locator) -> None:
    """By keyboard alone, however far it is; and whoever looks sees where he is."""
    await expect(place).to_be_visible()
    for _ in range(100):
        await page.keyboard.press("Tab")
        if await place.evaluate("element => element === document.activeElement"):
            assert await place.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
            return
    pytest.fail(f"{place} is out of reach")


async def follow(page: Page, name: str) -> None:
    await tab_to(page, page.get_by_role("link", name=name).first)
    await page.keyboard.press("Enter")


def number(page: Page, name: str) -> Locator:
    return page.locator(f'[data-number="{name}"]')


async def test_an_operator_halts_and_lifts_by_keyboard_while_signals_flow(
    page: Page, market: Market, trade: Trade
) -> None:
    await sign_in(page, market)
    await expect(page.locator("#connection")).to_have_text("Live.")
    async with trade.flows():
        seen = await number(page, "Signals").inner_text()
        await expect(number(page, "Signals")).not_to_have_text(seen)
        await expect(page.locator("#history-table tbody td[data-x]").nth(2)).to_be_attached()
        await expect(page.locator(".chart canvas")).to_have_count(2)
    assert await trade.send(pb.OPEN, 1) == "ACCEPTED"
    await trade.copied()

    await follow(page, "Streams")
    await follow(page, f"Halt {trade.master.stream}")
    await expect(page.get_by_label("Subject")).to_have_value(str(trade.master.stream_id))
    await tab_to(page, page.get_by_label("Reason"))
    await page.keyboard.type("a drill")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Halt this?")
    assert await trade.send(pb.OPEN, 2) == "ACCEPTED", "asking is not doing"
    await trade.copied()
    await tab_to(page, page.get_by_role("button", name="Yes, halt"))
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("cell", name="a drill")).to_be_visible()

    assert await trade.send(pb.OPEN, 3) == "HALTED"
    assert await trade.send(pb.CLOSE, 1) == "ACCEPTED"
    assert await trade.copied() == pb.CLOSE
    await follow(page, "Overview")
    await expect(page.get_by_role("row", name="HALTED 1")).to_be_visible()
    await expect(page.get_by_role("listitem").filter(has_text="a drill").first).to_be_visible()

    await follow(page, "Kill switches")
    await tab_to(page, page.get_by_role("button", name="Lift the halt"))
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Reason")).to_be_focused()
    await page.keyboard.type("it is over")
    await tab_to(page, page.get_by_role("button", name="Yes, lift"))
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("cell", name="Nothing is halted.")).to_be_visible()
    assert await trade.send(pb.OPEN, 4) == "ACCEPTED"


async def test_the_skip_link_comes_first_and_leads_to_the_content(page: Page, market: Market) -> None:
    await sign_in(page, market, "auditor")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("main")).to_be_focused()


async def test_every_page_fits_a_phone_and_has_a_name_for_each_field(page: Page, market: Market, trade: Trade) -> None:
    await set_up(market, trade)
    await sign_in(page, market)
    if os.environ.get("ECP_WRITE_SCREENSHOTS"):
        await take_screenshots(page, market, trade)
    await page.set_viewport_size({"width": 360, "height": 740})
    for path in paths(market, trade).values():
        await page.goto(f"/console{path}")
        await expect(page.get_by_role("main")).to_be_visible()
        wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{path} is {wide} px too wide"
        nameless = (
            "[...document.querySelectorAll('input:not([type=hidden]), select')].filter(e => !e.labels.length).length"
        )
        assert await page.evaluate(nameless) == 0


async def test_it_is_dark_where_the_reader_likes_it_dark(page: Page) -> None:
    await page.goto("/console/sign-in")
    colours = []
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        colours.append(await page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert colours == ["rgb(252, 252, 251)", "rgb(20, 24, 28)"]


async def test_a_script_that_gets_into_a_page_is_not_run(browser: Browser, http: Http) -> None:
    page = await browser.new_page(base_url=http.url)
    await page.goto("/console/sign-in")
    inject = "ran => { const s = document.createElement('script'); s.textContent = ran; document.body.append(s) }"
    async with page.expect_console_message(lambda said: "Content Security Policy" in said.text):
        await page.evaluate(inject, "window.ran = true")
    assert await page.evaluate("window.ran") is None


def paths(market: Market, trade: Trade) -> dict[str, str]:
    stream = trade.master.stream_id
    account = market.value("select account_id from signals.subscriptions")
    places = {"stream": stream, "subscription": trade.subscription, "account": account}
    return {name: path.format(**places) for name, path in PAGES.items()}


async def set_up(market: Market, trade: Trade) -> None:
    """Something of everything."""
    account = market.value("select account_id from signals.subscriptions")
    for sql in (
        "select billing.open_wallet(%s, 'USD')",
        "select billing.deposit(%s, 'USD', 2500, 'bank-4711', 'mia')",
        "select trust.reset(%s, 'subscriber', 42, 'two gaps in a row', 'mia')",
        "select signals.halt('SYMBOL', 'EURUSD', 'news at half past', 'mia')",
        "select signals.lift_halt('SYMBOL', 'EURUSD', 'the news is out', 'mia')",
    ):
        market.db.execute(sql.encode(), [account] if "%s" in sql else [])
    market.db.execute("select trust.reset(%s, 'subscriber', 100, 'it was the line', 'mia')", [account])
    for action in (pb.OPEN, pb.CLOSE):
        await trade.send(action, 1)
        await trade.copied()


async def take_screenshots(page: Page, market: Market, trade: Trade) -> None:
    """For docs/console.md."""
    folder = ROOT / "docs/console"
    for name, path in paths(market, trade).items():
        if name in {"stream", "standing", "statement"}:
            continue
        await page.goto(f"/console{path}")
        if name == "overview":
            async with trade.flows():
                await expect(page.locator("#history-table td[data-x]").nth(15)).to_be_attached(timeout=120_000)
                await page.screenshot(path=folder / f"{name}.png")
        elif name == "halts":
            market.db.execute("select signals.halt('STREAM', %s, 'a drill', 'mia')", [str(trade.master.stream_id)])
            await page.reload()
        await page.screenshot(path=folder / f"{name}.png")
