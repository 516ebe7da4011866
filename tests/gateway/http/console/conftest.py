"""The console as a browser sees it, without one: cookies and forms."""

from collections.abc import Awaitable, Callable

import httpx
import pytest

from gateway.http.server import Http
from tests.gateway.conftest import Market

Visit = Callable[..., Awaitable[httpx.AsyncClient]]


async def sign_in(browser: httpx.AsyncClient, http: Http, market: Market, scope: str = "auditor") -> None:
    """With a license of a new account that has the role."""
    browser.headers["Origin"] = http.url
    license_token = market.license(market.account(scope), "api")
    answer = await browser.post("/console/sign-in", data={"license": license_token, "scope": scope})
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/")


@pytest.fixture
def visit(http: Http, market: Market, web: httpx.AsyncClient) -> Visit:
    """A browser in which somebody with this role is signed in."""

    async def visit(scope: str = "operator") -> httpx.AsyncClient:
        await sign_in(web, http, market, scope)
        return web

    return visit
