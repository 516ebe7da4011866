"""Tokens over HTTP: what a client is told of one that is over, forged, foreign or shown twice.

That every claim is looked at is shown in tests/db/access/test_admit.py."""

import json
from typing import Any

import httpx
import jwt
import pytest

from tests.gateway.conftest import Market
from tests.gateway.http.conftest import Client, SignIn, Start, refused

pytestmark = pytest.mark.core


@pytest.fixture
async def tenant(sign_in: SignIn) -> Client:
    return await sign_in()


async def shown(web: httpx.AsyncClient, token: str) -> tuple[int, str]:
    return refused(await web.get("/v1/accounts", headers={"Authorization": f"Bearer {token}"}))


async def test_a_license_becomes_tokens_and_they_are_refreshed(web: httpx.AsyncClient, tenant: Client) -> None:
    assert len(await tenant.items("/v1/accounts")) == 1
    answer = await web.post("/v1/tokens/refresh", json={"refresh_token": tenant.tokens["refresh_token"]})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert len(await Client(web, answer.json()).items("/v1/accounts")) == 1
    assert len(await tenant.items("/v1/accounts")) == 1


async def test_a_refresh_token_shown_twice_ends_them_all(web: httpx.AsyncClient, tenant: Client) -> None:
    body = {"refresh_token": tenant.tokens["refresh_token"]}
    newer = (await web.post("/v1/tokens/refresh", json=body)).json()
    assert refused(await web.post("/v1/tokens/refresh", json=body)) == (401, "TRW13")
    assert refused(await tenant.get("/v1/accounts")) == (401, "TRW11")
    assert refused(await Client(web, newer).get("/v1/accounts")) == (401, "TRW11")
    body = {"refresh_token": newer["refresh_token"]}
    assert refused(await web.post("/v1/tokens/refresh", json=body)) == (401, "TRW11")


async def test_licenses_that_give_no_access(web: httpx.AsyncClient, market: Market) -> None:
    account = market.account("subscriber")

    async def exchanged(token: str, scope: str = "tenant") -> tuple[int, str]:
        return refused(await web.post("/v1/tokens", json={"license": token, "scope": scope}))

    assert await exchanged("guess") == (401, "TRA01")
    assert await exchanged(market.license(account, "publish")) == (403, "TRA07")
    token = market.license(account, "api")
    assert await exchanged(token, "operator") == (403, "TRW14")
    market.value("select access.revoke_license(license_id) from access.licenses where purpose = 'api'")
    assert await exchanged(token) == (401, "TRA03")


async def test_a_license_of_another_network(web: httpx.AsyncClient, market: Market) -> None:
    """The caller's address counts, not that of the connection to the database."""
    account = market.account("subscriber")
    sql = "select token from access.issue_license(%s::bigint, 'api', %s::cidr[])"
    for networks, status in ((["203.0.113.0/24"], 403), (["127.0.0.0/8"], 200)):
        answer = await web.post("/v1/tokens", json={"license": market.value(sql, account, networks)})
        assert answer.status_code == status, answer.text


async def test_tokens_that_are_none(web: httpx.AsyncClient, tenant: Client, market: Market) -> None:
    token = tenant.tokens["access_token"]
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})

    def signed(**change: Any) -> str:
        return str(market.value("select access.sign_token(%s::jsonb::text)", json.dumps(claims | change)))

    assert await shown(web, signed(exp=1)) == (401, "TRW12")
    for wrong in (
        signed(nbf=claims["nbf"] + 3600),
        signed(iss="somebody"),
        signed(aud="another"),
        signed(jti="00000000-0000-0000-0000-000000000000"),
        jwt.encode(claims, "", "none"),
        jwt.encode(claims, b"another key, of another installation" * 2, "HS256"),
        jwt.encode(claims, b"another key, of another installation" * 2, "HS512"),
        tenant.tokens["refresh_token"],
        "x",
    ):
        assert await shown(web, wrong) == (401, "TRW11"), wrong
    answer = await web.get("/v1/accounts")
    assert (*refused(answer), answer.headers["www-authenticate"]) == (401, "TRW11", "Bearer")
    assert refused(await web.get("/v1/accounts", headers={"Authorization": f"Basic {token}"})) == (401, "TRW11")


async def test_a_revoked_license_takes_its_tokens_along(tenant: Client, market: Market) -> None:
    market.value("select access.revoke_license(license_id) from access.licenses where purpose = 'api'")
    assert refused(await tenant.get("/v1/accounts")) == (401, "TRA03")


async def test_too_many_requests_with_one_token_and_too_many_guesses(start_http: Start, market: Market) -> None:
    api = await start_http(http_rate="3/minute", http_guess_rate="2/minute")
    async with httpx.AsyncClient(base_url=api.url) as web:
        body, another = ({"license": market.license(market.account("subscriber"), "api")} for _ in range(2))
        one, other = [Client(web, (await web.post("/v1/tokens", json=each)).json()) for each in (body, another)]
        for _ in range(3):
            assert (await one.get("/v1/accounts")).status_code == 200
        answer = await one.get("/v1/accounts")
        assert refused(answer) == (429, "TRW06")
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert (await other.get("/v1/accounts")).status_code == 200
        for expected in ((401, "TRW11"), (401, "TRW11"), (429, "TRW06")):
            assert await shown(web, "guess") == expected
        # Whoever shares the address keeps what was good; what nobody has shown yet waits.
        assert (await other.get("/v1/accounts")).status_code == 200
        assert (await web.post("/v1/tokens", json=another)).status_code == 200
        fresh = {"license": market.license(market.account("subscriber"), "api")}
        assert refused(await web.post("/v1/tokens", json=fresh)) == (429, "TRW06")


async def test_what_is_revoked_is_no_longer_known_as_good(start_http: Start, market: Market) -> None:
    api = await start_http(http_guess_rate="2/minute")
    async with httpx.AsyncClient(base_url=api.url) as web:
        body = {"license": market.license(market.account("subscriber"), "api")}
        one = Client(web, (await web.post("/v1/tokens", json=body)).json())
        market.value("select access.revoke_license(license_id) from access.licenses where purpose = 'api'")
        for _ in range(2):
            assert refused(await one.get("/v1/accounts")) == (401, "TRA03")
        # Were it asked for, the database would take it again.
        market.db.execute("update access.licenses set revoked_at = null")
        assert refused(await one.get("/v1/accounts")) == (429, "TRW06")


async def test_many_tokens_are_one_account_and_a_license_gives_few(start_http: Start, market: Market) -> None:
    api = await start_http(http_rate="3/minute", http_exchange_rate="2/minute")
    async with httpx.AsyncClient(base_url=api.url) as web:
        body = {"license": market.license(market.account("subscriber"), "api")}
        one, other = [Client(web, (await web.post("/v1/tokens", json=body)).json()) for _ in range(2)]
        answer = await web.post("/v1/tokens", json=body)
        assert refused(answer) == (429, "TRW06")
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        for client in (one, other, one):
            assert (await client.get("/v1/accounts")).status_code == 200
        assert refused(await other.get("/v1/accounts")) == (429, "TRW06")
