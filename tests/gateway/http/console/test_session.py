"""Cookies that no script reads and no other site sends, and how they end."""

import asyncio
from http.cookies import SimpleCookie

import httpx
import pytest

from gateway.http.server import Http
from tests.gateway.conftest import Market
from tests.gateway.http.conftest import Start
from tests.gateway.http.console.conftest import Visit, sign_in

pytestmark = pytest.mark.core

HALT = {"scope": "GLOBAL", "subject": "", "reason": "a drill", "confirmed": "yes"}


async def test_cookies_are_for_the_console_alone_and_for_no_script(
    http: Http, web: httpx.AsyncClient, market: Market
) -> None:
    form = {"license": market.license(market.account("operator"), "api"), "scope": "operator"}
    answer = await web.post("/console/sign-in", data=form, headers={"Origin": http.url})
    assert len(answer.headers.get_list("set-cookie")) == 2
    for header in answer.headers.get_list("set-cookie"):
        (cookie,) = SimpleCookie(header).values()
        assert (cookie["path"], cookie["samesite"], cookie["httponly"]) == ("/console", "Strict", True)


@pytest.mark.parametrize("origin", [None, "null", "https://elsewhere.example", "http://127.0.0.1:1"])
@pytest.mark.parametrize("path", ["/halts", "/halts/lift", "/trust/1", "/sign-out", "/sign-in"])
async def test_what_another_site_sends_is_refused(visit: Visit, market: Market, origin: str | None, path: str) -> None:
    browser = await visit()
    del browser.headers["Origin"]
    headers = {} if origin is None else {"Origin": origin}
    answer = await browser.post(f"/console{path}", data={**HALT, "role": "provider", "score": "1"}, headers=headers)
    assert (answer.status_code, "TRW15" in answer.text) == (403, True)
    assert market.value("select count(*) from ops.halts") == 0
    assert (await browser.get("/console/")).status_code == 200


async def test_nothing_is_done_by_following_a_link(visit: Visit, market: Market) -> None:
    browser = await visit()
    for path in ["/halts", "/halts/lift", "/sign-out"]:
        await browser.get(f"/console{path}", params=HALT)
    assert market.value("select count(*) from ops.halts") == 0
    assert (await browser.get("/console/")).status_code == 200


@pytest.mark.parametrize(
    ("given", "scope", "code"), [("operator", "auditor", 403), ("subscriber", "operator", 403), (None, "operator", 401)]
)
async def test_who_has_not_the_role_is_told_so_and_gets_no_cookie(
    http: Http, web: httpx.AsyncClient, market: Market, given: str | None, scope: str, code: int
) -> None:
    license_token = market.license(market.account(given), "api") if given else "no license"
    form = {"license": license_token, "scope": scope}
    answer = await web.post("/console/sign-in", data=form, headers={"Origin": http.url})
    assert (answer.status_code, 'role="alert"' in answer.text) == (code, True)
    assert "set-cookie" not in answer.headers


async def test_a_tenant_does_not_get_in(http: Http, web: httpx.AsyncClient, market: Market) -> None:
    form = {"license": market.license(market.account("provider"), "api"), "scope": "tenant"}
    answer = await web.post("/console/sign-in", data=form, headers={"Origin": http.url})
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


async def test_a_browser_that_comes_many_times_at_once_is_refreshed_once(visit: Visit) -> None:
    browser = await visit()
    browser.cookies.delete("ecp_access")  # as a browser does when its time is over
    refresh = browser.cookies["ecp_refresh"]
    answers = await asyncio.gather(*(browser.get("/console/streams") for _ in range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert browser.cookies["ecp_refresh"] != refresh
    assert (await browser.get("/console/streams")).status_code == 200


async def test_sign_out_ends_every_token_of_the_sign_in(visit: Visit, http: Http) -> None:
    browser = await visit()
    stolen = dict(browser.cookies)
    answer = await browser.post("/console/sign-out")
    assert answer.headers["location"] == "/console/sign-in"
    assert not browser.cookies
    async with httpx.AsyncClient(base_url=http.url, cookies=stolen) as thief:
        refused = await thief.get("/console/streams")
    assert (refused.status_code, refused.headers["location"]) == (303, "/console/sign-in?why=TRW11")


async def test_a_license_that_is_revoked_ends_the_session_at_once(visit: Visit, market: Market) -> None:
    browser = await visit()
    market.db.execute("select access.revoke_license(license_id, 'a test', 'a test') from access.licenses")
    assert (await browser.get("/console/streams")).headers["location"] == "/console/sign-in?why=TRA03"
    assert 'role="alert"' in (await browser.get("/console/sign-in?why=TRA03")).text


async def test_pages_load_nothing_from_elsewhere_and_run_nothing_inline(visit: Visit) -> None:
    browser = await visit()
    answer = await browser.get("/console/")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'self'")
    assert "unsafe" not in policy
    assert "http" not in answer.text.replace("http-equiv", "")
    assert "<script>" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    script = await browser.get("/console/static/console.js")
    assert (script.status_code, script.headers["cache-control"]) == (200, "no-cache")


async def test_cookies_that_are_guessed_are_refused_before_the_database_is_asked(
    start_http: Start, market: Market
) -> None:
    http = await start_http(http_guess_rate="3/minute")
    async with (
        httpx.AsyncClient(base_url=http.url) as browser,
        httpx.AsyncClient(base_url=http.url, headers={"Origin": http.url}) as guesser,
    ):
        await sign_in(browser, http, market)
        for cookies, path, method in [
            ({"ecp_refresh": "a"}, "/", "GET"),
            ({"ecp_refresh": "b", "ecp_access": "c"}, "/", "GET"),
            ({"ecp_refresh": "d"}, "/sign-out", "POST"),
        ]:
            guesser.cookies.update(cookies)
            assert (await guesser.request(method, f"/console{path}")).status_code in {303, 401}
        # Good ones, but of another process: this one has never seen them.
        elsewhere = await start_http()
        async with httpx.AsyncClient(base_url=elsewhere.url) as stranger:
            await sign_in(stranger, elsewhere, market)
            refresh, access = stranger.cookies["ecp_refresh"], stranger.cookies["ecp_access"]
            for cookies, path, method in [
                ({"ecp_refresh": refresh}, "/", "GET"),
                ({"ecp_refresh": refresh, "ecp_access": access}, "/", "GET"),
                ({"ecp_refresh": refresh}, "/sign-out", "POST"),
            ]:
                guesser.cookies.clear()
                guesser.cookies.update(cookies)
                assert (await guesser.request(method, f"/console{path}")).status_code == 429
            assert (await stranger.get("/console/")).status_code == 200
        assert (await browser.get("/console/")).status_code == 200
        assert (await browser.post("/console/sign-out")).status_code == 303


async def test_one_license_signs_in_so_often_and_then_waits(start_http: Start, market: Market) -> None:
    http = await start_http(http_exchange_rate="1/minute")
    form = {"license": market.license(market.account("operator"), "api"), "scope": "operator"}
    async with httpx.AsyncClient(base_url=http.url, headers={"Origin": http.url}) as browser:
        first, second = [await browser.post("/console/sign-in", data=form) for _ in range(2)]
    assert (first.status_code, second.status_code, "retry-after" in second.headers) == (303, 429, True)


async def test_a_refresh_is_remembered_for_its_address_and_a_failed_one_for_nobody(
    visit: Visit, http: Http, market: Market
) -> None:
    browser = await visit()
    refresh = browser.cookies["ecp_refresh"]

    async def comes(address: str, cookies: dict[str, str]) -> httpx.Response:
        transport = httpx.AsyncHTTPTransport(local_address=address)
        async with httpx.AsyncClient(base_url=http.url, transport=transport, cookies=cookies) as client:
            return await client.get("/console/streams")

    market.db.execute("update access.accounts set status = 'SUSPENDED'")
    assert (await comes("127.0.0.1", {"ecp_refresh": refresh})).status_code in {303, 403}
    market.db.execute("update access.accounts set status = 'ACTIVE'")
    assert [(await comes("127.0.0.1", {"ecp_refresh": refresh})).status_code for _ in range(2)] == [200, 200]
    stranger = await comes("127.0.0.2", {"ecp_refresh": refresh})
    assert (stranger.status_code, stranger.headers["location"]) == (303, "/console/sign-in?why=TRW13")
