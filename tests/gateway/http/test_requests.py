"""What holds for every request: done once, paged, bounded in size and time, and refused in words."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest

from gateway.http.server import Http
from tests.gateway.conftest import Market
from tests.gateway.http.conftest import Client, SignIn, Start, refused
from tests.gateway.proxy import Proxy

pytestmark = pytest.mark.core

NEW = {"name": "acme", "roles": ["provider"]}


async def test_a_repeated_request_is_answered_again_and_done_once(operator: Client, market: Market) -> None:
    first = await operator.post("/v1/accounts", NEW, key="k")
    again = await operator.post("/v1/accounts", NEW, key="k")
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert market.value("select count(*) from access.accounts where name = 'acme'") == 1


async def test_posts_at_the_same_moment_are_done_once(operator: Client, market: Market) -> None:
    answers = await asyncio.gather(*(operator.post("/v1/accounts", NEW, key="k") for _ in range(8)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert market.value("select count(*) from access.accounts where name = 'acme'") == 1


async def test_a_key_is_for_one_request_of_one_account(operator: Client, sign_in: SignIn) -> None:
    await operator.post("/v1/accounts", NEW, key="k")
    assert refused(await operator.post("/v1/accounts", {**NEW, "name": "zeta"}, key="k")) == (422, "TRW08")
    answer = await operator.post("/v1/wallets", {"account_id": 1, "currency": "USD"}, key="k")
    assert refused(answer) == (422, "TRW08")
    other = await sign_in(scope="operator")
    assert (await other.post("/v1/accounts", {**NEW, "name": "zeta"}, key="k")).status_code == 201


async def test_what_was_refused_may_be_asked_again_under_its_key(operator: Client, market: Market) -> None:
    body = {"account_id": 1, "currency": "USD", "amount": "1", "key": "bank-1"}
    body["account_id"] = market.account("subscriber")
    assert refused(await operator.post("/v1/wallets/deposits", body, key="k")) == (404, "TRB08")
    market.value("select billing.open_wallet(%s::bigint, 'USD')", body["account_id"])
    assert (await operator.post("/v1/wallets/deposits", body, key="k")).status_code == 201


async def test_a_secret_is_shown_once(operator: Client, market: Market) -> None:
    new = {"account_id": market.account("subscriber"), "purpose": "api"}
    first = (await operator.post("/v1/licenses", new, key="k")).json()
    again = (await operator.post("/v1/licenses", new, key="k")).json()
    assert first["token"].startswith("ecp_")
    assert again == {**first, "token": None}
    assert first["token"][-64:] not in market.value("select string_agg(answer, '') from access.requests")


@pytest.mark.parametrize("key", [None, "", "x" * 201, "with space", "ü".encode()])
async def test_what_changes_something_needs_a_key(operator: Client, key: Any) -> None:
    headers = operator.headers if key is None else {**operator.headers, "Idempotency-Key": key}
    answer = await operator.http.post("/v1/accounts", json=NEW, headers=headers)
    assert refused(answer) == ((400, "TRW07") if key is None else (422, "TRW01"))


async def pages(client: Client, path: str, limit: int) -> AsyncIterator[list[dict[str, Any]]]:
    query: dict[str, Any] = {"limit": limit}
    while True:
        page = (await client.get(path, **query)).json()
        yield page["items"]
        if page["next"] is None:
            return
        query["cursor"] = page["next"]


async def test_pages_are_whole_and_end(operator: Client, market: Market) -> None:
    made = [market.account("provider") for _ in range(7)]
    seen: list[int] = []
    async for items in pages(operator, "/v1/accounts", limit=3):
        assert len(items) <= 3
        seen += [row["account_id"] for row in items]
    assert seen == sorted(seen)
    assert set(seen) > set(made)


async def test_pages_of_what_happened_at_one_moment_are_whole(operator: Client, market: Market) -> None:
    _, subscription = market.subscriber(market.master())
    for moment in ("2026-01-05 12:00:00Z", "2026-01-05 12:00:01Z"):
        market.db.execute(
            "insert into signals.protection_events (lane, occurred_at, origin, code, subscription_id)"
            " select s.lane, %s, 'GUARD', 'CODE-' || n, s.subscription_id"
            " from signals.subscriptions as s, generate_series(1, 5) as n where s.subscription_id = %s",
            [moment, subscription],
        )
    seen: list[tuple[str, str]] = []
    async for items in pages(operator, "/v1/protection-events", limit=2):
        seen += [(row["occurred_at"], row["code"]) for row in items]
    assert len(seen) == len(set(seen)) == 10
    assert [time for time, _ in seen] == sorted((time for time, _ in seen), reverse=True)


@pytest.mark.parametrize("cursor", ["x", "W10=", "WyJ4Il0=", "WzFlOTld", "Wy05OV0=", "bnVsbA==", "é", "WzFd" * 200])
async def test_a_cursor_of_something_else_is_refused(operator: Client, cursor: str) -> None:
    for path in ("/v1/accounts", "/v1/licenses", "/v1/protection-events", "/v1/streams/1/signals"):
        answer = await operator.get(path, cursor=cursor)
        # A cursor that is a number is one of numbered lists, wherever it came from.
        assert answer.status_code in {200, 422}
        if answer.status_code == 422:
            assert refused(answer) == (422, "TRW01")


async def test_what_is_wrong_is_named_and_not_repeated(operator: Client) -> None:
    answer = await operator.post("/v1/accounts", {"name": "", "roles": ["secret-role"], "more": 1})
    assert refused(answer) == (422, "TRW01")
    assert set(answer.json()["context"]) == {"body.name", "body.roles.0", "body.more"}
    assert refused(await operator.post("/v1/accounts", "text")) == (422, "TRW01")
    assert refused(await operator.get("/v1/accounts/0")) == (422, "TRW01")
    assert refused(await operator.get("/v1/accounts/99999999999999999999")) == (422, "TRW01")
    assert refused(await operator.get("/v1/accounts/987654321")) == (404, "TRW02")
    assert refused(await operator.get("/v1/nothing")) == (404, "TRW02")
    answer = await operator.http.request("DELETE", "/v1/accounts", headers=operator.headers)
    assert (*refused(answer), answer.headers["allow"]) == (405, "TRW03", "GET")


async def test_what_the_database_refuses_has_its_rule(operator: Client, market: Market) -> None:
    market.account("provider")
    answer = await operator.post("/v1/accounts", {**NEW, "name": "provider-2"})
    assert refused(answer) == (422, "TRA10")
    assert answer.json()["context"]["rule"] == "accounts_name_unique"
    _, subscription = market.subscriber(market.master())
    settings = {"settings": {"nothing": 1}}
    assert refused(await operator.post(f"/v1/subscriptions/{subscription}/settings", settings)) == (422, "TRS20")


async def raw(http: Http, *parts: bytes, pause: float = 0) -> bytes:
    """What is answered to these bytes, until the end."""
    reader, writer = await asyncio.open_connection(*http.address)
    for part in parts:
        writer.write(part)
        await asyncio.sleep(pause)
    answer = await reader.read()
    writer.close()
    return answer


HEAD = b"POST /v1/tokens HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


async def test_a_body_that_is_too_long_is_cut_off(start_http: Start) -> None:
    http = await start_http(http_max_body_bytes=1000)
    async with asyncio.timeout(30):
        said = await raw(http, HEAD + b"Content-Length: 2000\r\n\r\n" + b"x" * 2000)
        chunked = await raw(
            http, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"3e8\r\n" + b"x" * 1000 + b"\r\n1\r\nx\r\n"
        )
    for answer in (said, chunked):
        assert b" 413 " in answer.split(b"\r\n")[0]
        assert b"TRW04" in answer


async def test_a_body_that_does_not_come_is_not_waited_for(start_http: Start) -> None:
    http = await start_http(http_body_ms=200)
    async with asyncio.timeout(30):
        answer = await raw(http, HEAD + b"Content-Length: 20\r\n\r\n", b"{", b'"', pause=0.01)
    assert b" 408 " in answer.split(b"\r\n")[0]
    assert b"TRW05" in answer


async def test_who_connects_and_does_not_ask_keeps_no_place(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.http.server._Protocol.HEADERS", 0.2)
    async with asyncio.timeout(30):
        assert await raw(http) == b""
        assert await raw(http, b"GET /health HTTP/1.1\r\nHo") == b""
        asked = await raw(http, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /hea")
    assert b'{"status":"ok"}' in asked


async def test_health_and_readiness(
    start_http: Start, db: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"postgresql://postgres@/{db.info.dbname}?host={db.info.host}&port={db.info.port}"
    async with Proxy(url) as proxy:
        http = await start_http(database_url=proxy.url)
        async with httpx.AsyncClient(base_url=http.url) as web:
            assert (await web.get("/health")).json() == (await web.get("/ready")).json() == {"status": "ok"}
            proxy.cut()
            assert refused(await web.get("/ready")) == (503, "TRD01")
            assert (await web.get("/health")).status_code == 200
            proxy.restore()
            async with asyncio.timeout(30):
                while (await web.get("/ready")).status_code != 200:
                    pass
            db.execute("update ops.deployment set fingerprint = 'another'")
            assert (await web.get("/ready")).status_code == 200
            monkeypatch.setattr(http._shared, "fingerprint", "this one")
            assert refused(await web.get("/ready")) == (503, "TRD05")
            monkeypatch.setattr(http._shared, "fingerprint", None)
            monkeypatch.setattr(http._shared, "is_ready", lambda: False)
            assert refused(await web.get("/ready")) == (503, "TRP09")


async def test_an_answer_that_was_lost_is_found_again(
    start_http: Start, market: Market, db: psycopg.Connection[Any]
) -> None:
    url = f"postgresql://postgres@/{db.info.dbname}?host={db.info.host}&port={db.info.port}"
    license_token = market.license(market.account("operator"), "api")
    async with Proxy(url) as proxy:
        http = await start_http(database_url=proxy.url, http_deadline_ms=1_000)
        async with httpx.AsyncClient(base_url=http.url, timeout=30) as web:
            body = {"license": license_token, "scope": "operator"}
            operator = Client(web, (await web.post("/v1/tokens", json=body)).json())
            proxy.hang()
            assert refused(await operator.post("/v1/accounts", NEW, key="k")) == (503, "TRD02")
            proxy.restore()
            async with asyncio.timeout(30):
                while (answer := await operator.post("/v1/accounts", NEW, key="k")).status_code == 503:
                    pass
    assert answer.status_code == 201
    assert market.value("select count(*) from access.accounts where name = 'acme'") == 1


async def test_what_takes_long_leaves_room_for_a_halt(operator: Client, market: Market, sign_in: SignIn) -> None:
    slow = {"sql": "with recursive r (n) as (select 1 union all select n + 1 from r) select count(*) from r"}
    one, *others = [await sign_in(market.account("subscriber")) for _ in range(5)]

    asking: list[asyncio.Task[httpx.Response]] = []

    async def until_running(count: int) -> None:
        running = "select count(*) from pg_stat_activity where query ilike 'with recursive%%' and state = 'active'"
        while market.value(running) < count:
            await asyncio.wait({*asking}, timeout=0.01)

    asking.append(asyncio.create_task(one.post("/v1/query", slow)))
    await until_running(1)
    assert refused(await one.post("/v1/query", {"sql": "select account from analytics.accounts"})) == (429, "TRW06")
    asking += [asyncio.create_task(other.post("/v1/query", slow)) for other in others]
    await until_running(2)
    halt = {"scope": "GLOBAL", "subject": None, "reason": "a drill"}
    assert (await operator.post("/v1/halts", halt)).status_code == 201
    for each in asking:
        each.cancel()
