"""Every operation once, over HTTP, as whom it is for; and what it must not do for others."""

import json
from decimal import Decimal
from typing import Any

import httpx
import psycopg
import pytest

from gateway import ecp_pb2 as pb
from tests.gateway.conftest import Connect, Market, Start
from tests.gateway.http.conftest import Client, SignIn, refused
from tests.gateway.http.conftest import Start as StartHttp

pytestmark = pytest.mark.core


async def done(client: Client, path: str, body: Any, status: int = 200) -> Any:
    answer = await client.post(path, body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def read(client: Client, path: str, **query: Any) -> Any:
    answer = await client.get(path, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_an_operator_sets_up_a_market(operator: Client, market: Market) -> None:
    provider = await done(operator, "/v1/accounts", {"name": "acme", "roles": ["provider"]}, 201)
    follower = await done(operator, "/v1/accounts", {"name": "zeta", "roles": ["subscriber"]}, 201)
    account = await read(operator, f"/v1/accounts/{provider['account_id']}")
    assert (account["account"], account["roles"], account["status"]) == ("acme", ["provider"], "ACTIVE")
    new = {**provider, "name": "gold", "key": "00" * 32, "ttl_ms": 700}
    stream = await done(operator, "/v1/streams", new, 201)
    path = f"/v1/streams/{stream['stream_id']}"
    volumes = {"volume_min": "0.01", "volume_max": "50", "volume_step": "0.01"}
    await done(operator, f"{path}/instruments", {"symbol": "EURUSD", "digits": 5, **volumes})
    found = await read(operator, path)
    assert (found["stream"], found["provider"], float(found["ttl_ms"])) == ("gold", "acme", 700)
    new = {**follower, **stream, "settings": {"sizing": "FIXED", "fixed_volume": "0.2"}}
    subscription = await done(operator, "/v1/subscriptions", new, 201)
    found = await read(operator, f"/v1/subscriptions/{subscription['subscription_id']}")
    assert (found["subscriber"], found["sizing"], found["state"]) == ("zeta", "FIXED", "SYNCED")
    assert [row["account"] for row in await operator.items("/v1/accounts")][-2:] == ["acme", "zeta"]
    assert market.value("select volume_step from signals.instruments") == Decimal("0.01")


async def test_licenses_are_issued_rotated_and_revoked(
    operator: Client, market: Market, web: httpx.AsyncClient
) -> None:
    account = market.account("subscriber")
    new = {"account_id": account, "purpose": "api", "networks": ["127.0.0.0/8", "::1/128"], "days": 7}
    issued = await done(operator, "/v1/licenses", new, 201)
    assert (await web.post("/v1/tokens", json={"license": issued["token"]})).status_code == 200
    path = f"/v1/licenses/{issued['license_id']}"
    successor = await done(operator, f"{path}/rotate", {"overlap_hours": 1}, 201)
    assert refused(await operator.post(f"{path}/rotate", {})) == (409, "TRA03")
    await done(operator, f"/v1/licenses/{successor['license_id']}/revoke", {"reason": "lost"})
    found = {row["license_id"]: row for row in await operator.items("/v1/licenses")}
    assert found[issued["license_id"]]["replaced_by"] == successor["license_id"]
    revoked = found[successor["license_id"]]
    assert (revoked["is_valid"], revoked["revoked_reason"], revoked["revoked_by"]) == (False, "lost", "operator-1")
    assert "secret" not in str(found)
    assert refused(await operator.post(f"/v1/licenses/{'0' * 32}/revoke", {"reason": "x"})) == (404, "TRA01")


async def test_money_is_paid_in_and_out_and_told_about(operator: Client, market: Market, sign_in: SignIn) -> None:
    account = market.account("subscriber")
    wallet = await done(operator, "/v1/wallets", {"account_id": account, "currency": "USD"}, 201)
    paid = {"account_id": account, "currency": "USD", "amount": "100.50", "key": "bank-1"}
    transfer = await done(operator, "/v1/wallets/deposits", paid, 201)
    assert await done(operator, "/v1/wallets/deposits", paid, 201) == transfer
    out = {**paid, "amount": "0.50", "key": "bank-2"}
    await done(operator, "/v1/wallets/withdrawals", out, 201)
    too_much = {**out, "amount": 1000, "key": "bank-3"}
    assert refused(await operator.post("/v1/wallets/withdrawals", too_much)) == (409, "TRB04")
    assert refused(await operator.post("/v1/wallets/deposits", {**paid, "amount": "0.001"})) == (422, "TRB03")
    tenant = await sign_in(account)
    (found,) = await tenant.items("/v1/wallets")
    assert (found["ledger_account_id"], found["available"]) == (wallet["ledger_account_id"], "100.00")
    lines = await tenant.items(f"/v1/accounts/{account}/statement")
    assert [line["kind"] for line in lines] == ["OPENING", "DEPOSIT", "WITHDRAWAL", "CLOSING"]
    assert lines[-1]["balance"] == "100.00"


async def test_signals_are_listed_and_explained(
    start: Start, connect: Connect, market: Market, operator: Client, sign_in: SignIn
) -> None:
    gateway = await start()
    master = market.master()
    account = market.account("subscriber")
    subscription = market.follow(account, master)
    copier = await connect(gateway, market.license(account, "subscribe"))
    await copier.subscribe(subscription)
    provider = await connect(gateway, master.token)
    await provider.open_stream(master.stream)
    await provider.publish(master.stream_id, master.signed(provider, 2))
    deliveries = await copier.next_deliveries(2)
    report = pb.Report(
        subscription_id=subscription, delivery_seq=deliveries[0].delivery_seq, status=pb.REJECTED, code="TRG02"
    )
    await copier.report([report])

    tenant, path = await sign_in(account), f"/v1/subscriptions/{subscription}"
    signals = await operator.items(f"/v1/streams/{master.stream_id}/signals")
    assert [(row["seq"], row["verdict"]) for row in signals] == [(2, "ACCEPTED"), (1, "ACCEPTED")]
    decisions = await tenant.items(f"{path}/decisions")
    assert [(row["seq"], row["reason"], row["report"]) for row in decisions] == [
        (2, "COPIED", None), (1, "COPIED", "REJECTED"),
    ]  # fmt: skip
    explained = await read(tenant, f"{path}/signals/1/1")
    assert (explained["report_code"], explained["delivery_seq"]) == ("TRG02", 1)
    assert (await read(tenant, f"{path}/deliveries/1"))["sentence"] == explained["sentence"]
    assert refused(await tenant.get(f"{path}/deliveries/99")) == (404, "TRW02")
    (event,) = await tenant.items("/v1/protection-events")
    assert (event["origin"], event["code"], event["name"]) == ("GUARD", "TRG02", "PRICE_DEVIATION")
    proposal = {"settings": {"sizing": "FIXED", "fixed_volume": "0.05"}}
    tried = await done(tenant, f"{path}/what-if", proposal)
    assert [(row["seq"], Decimal(row["volume"])) for row in tried["items"]] == [
        (1, Decimal("0.05")),
        (2, Decimal("0.05")),
    ]
    assert not await tenant.items(f"/v1/streams/{master.stream_id}/signals")


async def test_a_tenant_looks_after_its_own(market: Market, sign_in: SignIn) -> None:
    master = market.master()
    account = market.account("subscriber")
    tenant, subscription = await sign_in(account), market.follow(account, master)
    path = f"/v1/subscriptions/{subscription}"
    assert await done(tenant, f"{path}/settings", {"settings": {"multiplier": "0.5"}}, 201) == {"settings_version": 2}
    assert Decimal((await read(tenant, path))["multiplier"]) == Decimal("0.5")
    assert await done(tenant, f"{path}/state", {"cause": "user_pause"}) == {"state": "PAUSED_BY_USER"}
    assert refused(await tenant.post(f"{path}/state", {"cause": "recovered"})) == (409, "TRS23")
    changes = await tenant.items(f"{path}/state-changes")
    assert (changes[0]["cause"], changes[0]["actor"]) == ("user_pause", "subscriber-2")
    event = {"subscription_id": subscription, "code": "TRG01", "detail": {"age_ms": 700}}
    await done(tenant, "/v1/protection-events", event, 201)
    headers = {**tenant.headers, "Content-Type": "application/json", "Idempotency-Key": "deep"}
    for levels, expected in ((11, (422, "TRS43")), (100_000, (400, "TRW01"))):
        body = json.dumps(event).replace("700", "[" * levels + "]" * levels)
        assert refused(await tenant.http.post("/v1/protection-events", content=body, headers=headers)) == expected
    assert [row["detail"] for row in await tenant.items("/v1/protection-events")] == [{"age_ms": 700}]
    standing = await read(tenant, f"/v1/accounts/{account}/trust")
    assert [(row["role"], row["score"], row["is_trusted"]) for row in standing] == [("subscriber", 100, True)]
    (own,) = [row for row in await tenant.items("/v1/licenses") if row["purpose"] == "api"]
    await done(tenant, f"/v1/licenses/{own['license_id']}/rotate", {}, 201)


async def test_trust_is_reset_by_the_house(operator: Client, market: Market) -> None:
    _, subscription = market.subscriber(market.master())
    account = market.value("select account_id from signals.subscriptions where subscription_id = %s", subscription)
    path = f"/v1/accounts/{account}/trust"
    await done(operator, path, {"role": "subscriber", "score": 40, "reason": "told us so"})
    (standing,) = await read(operator, path)
    assert (standing["score"], standing["is_trusted"], standing["events"][0]["reason"]) == (40, False, "told us so")
    assert refused(await operator.post(path, {"role": "provider", "score": 40, "reason": "x"})) == (404, "TRT01")


async def test_an_account_is_suspended_and_reinstated_by_operators(
    operator: Client, market: Market, sign_in: SignIn
) -> None:
    account = market.account("subscriber")
    tenant, path = await sign_in(account), f"/v1/accounts/{account}/status"
    assert refused(await tenant.post(path, {"status": "ACTIVE", "reason": "x"})) == (403, "TRW09")
    await done(operator, path, {"status": "SUSPENDED", "reason": "a drill"})
    assert (await read(operator, f"/v1/accounts/{account}"))["status"] == "SUSPENDED"
    assert refused(await tenant.get("/v1/accounts")) == (403, "TRA08")
    await done(operator, path, {"status": "ACTIVE", "reason": "it is over"})
    assert [row["account_id"] for row in await tenant.items("/v1/accounts")] == [account]
    assert refused(await operator.post("/v1/accounts/999/status", {"status": "SUSPENDED", "reason": "x"})) == (
        422,
        "TRA10",
    )


async def test_a_stream_is_halted_and_lifted_by_operators(operator: Client, market: Market, sign_in: SignIn) -> None:
    stream = str(market.master().stream_id)
    await done(operator, "/v1/halts", {"scope": "STREAM", "subject": stream, "reason": "a drill"}, 201)
    (halt,) = await read(await sign_in(scope="auditor"), "/v1/halts")
    assert (halt["scope"], halt["subject"], halt["reason"]) == ("STREAM", stream, "a drill")
    assert (await read(operator, f"/v1/streams/{stream}"))["status"] == "HALTED"
    switch = {"scope": "STREAM", "subject": stream, "reason": "it is over"}
    assert await done(operator, "/v1/halts/lift", switch) == {"lifted": True}
    assert await done(operator, "/v1/halts/lift", switch) == {"lifted": False}
    assert await read(operator, "/v1/halts") == []
    nothing = {"scope": "STREAM", "subject": "999999", "reason": "x"}
    assert refused(await operator.post("/v1/halts", nothing)) == (422, "TRS42")
    assert refused(await (await sign_in()).post("/v1/halts", {"scope": "GLOBAL", "reason": "x"})) == (403, "TRW09")


async def test_those_on_duty_see_jobs_alarms_and_the_audit_trail(
    operator: Client, sign_in: SignIn, db: psycopg.Connection[Any]
) -> None:
    await done(operator, "/v1/accounts", {"name": "acme", "roles": ["provider"]}, 201)
    auditor = await sign_in(scope="auditor")
    assert refused(await auditor.get("/v1/audit/head")) == (404, "TRW02")
    # Only what is older than every transaction of the server is sealed, and other tests have some.
    while db.execute("select 1 from audit.trail where block is null").fetchone():
        db.execute("select audit.seal()")
    for client in (operator, auditor):
        assert {job["name"] for job in await read(client, "/v1/jobs")} >= {"seal", "settle"}
        assert isinstance(await read(client, "/v1/alarms"), list)
        head = await read(client, "/v1/audit/head")
        assert await read(client, "/v1/audit/verify", number=head["number"], hash=head["hash"]) == []
        assert await read(client, "/v1/audit/verify", number=head["number"], hash="0" * 64) != []
    trail = await auditor.items("/v1/audit/trail")
    (made,) = [entry for entry in trail if (entry["after"] or {}).get("name") == "acme"]
    assert (made["kind"], made["actor"], made["block"]) == ("access.accounts INSERT", "operator-1", head["number"])


async def test_queries_run_with_the_rights_of_who_asks(
    operator: Client, market: Market, sign_in: SignIn, db: psycopg.Connection[Any]
) -> None:
    mine, yours = market.master(), market.master()
    account = db.execute("select account_id from signals.streams where stream_id = %s", [mine.stream_id]).fetchone()
    assert account
    tenant, analyst = await sign_in(account[0]), await sign_in(scope="analyst")
    query: dict[str, Any] = {"sql": "select stream, last_seq from analytics.streams order by 1"}
    assert (await done(tenant, "/v1/query", query))["rows"] == [[mine.stream, 0]]
    for client in (operator, analyst):
        found = await done(client, "/v1/query", {**query, "limit": 1})
        assert (found["columns"], len(found["rows"]), found["is_cut"]) == (["stream", "last_seq"], 1, True)
    assert yours.stream not in str(await done(tenant, "/v1/query", {"sql": "select * from analytics.signals"}))
    for attack in ("drop table x", "select 1; select 2", "select pg_sleep(9)", "select * from access.licenses", "no"):
        assert refused(await analyst.post("/v1/query", {"sql": attack})) == (422, "TRQ01"), attack
    assert refused(await analyst.post("/v1/query", {"sql": "select nothing from analytics.streams"})) == (422, "TRQ01")


async def test_whatever_a_query_finds_is_shown_or_refused(sign_in: SignIn) -> None:
    analyst = await sign_in(scope="analyst")
    for sql, shown in [
        ("select a from analytics.accounts as a", '"roles":["analyst"]'),
        ("select array_agg(a) from analytics.accounts as a", '"roles":["analyst"]'),
        ("select cast('NaN' as double precision), cast('Infinity' as numeric)", '["nan","Infinity"]'),
        ("select cast('infinity' as timestamptz)", "9999-12-31"),
        ("select (1, 'x')", '[[1,"x"]]'),
        ("select cast('1 year' as interval)", "P1Y"),
    ]:
        answer = await analyst.post("/v1/query", {"sql": sql})
        assert (answer.status_code, shown in answer.text) == (200, True), answer.text
    for value in ("'20000-01-01' as timestamp", "'0044-03-15 BC' as date", "'170000000 years' as interval"):
        answer = await analyst.post("/v1/query", {"sql": f"select cast({value})"})
        assert refused(answer) == (422, "TRQ01"), value


HOUSE = ["/v1/jobs", "/v1/alarms", "/v1/audit/trail", "/v1/audit/head", "/v1/audit/verify"]


async def test_what_a_scope_does_not_allow_is_refused(sign_in: SignIn, market: Market) -> None:
    tenant, analyst, auditor = [await sign_in(scope=scope) for scope in ("tenant", "analyst", "auditor")]
    for client in (tenant, analyst):
        for path in HOUSE:
            assert refused(await client.get(path)) == (403, "TRW09"), path
    for client in (tenant, analyst, auditor):
        new = {"name": "mine", "roles": ["operator"]}
        assert refused(await client.post("/v1/accounts", new)) == (403, "TRW09")
        issue = {"account_id": 1, "purpose": "api"}
        assert refused(await client.post("/v1/licenses", issue)) == (403, "TRW09")
    assert market.value("select count(*) from access.requests") == 0


async def test_an_api_that_logs_in_for_tenants_serves_no_other(
    start_http: StartHttp, market: Market, db: psycopg.Connection[Any]
) -> None:
    """Whatever its process is made to do: its login may become nobody else."""
    url = f"postgresql://ecp_api@/{db.info.dbname}?host={db.info.host}&port={db.info.port}"
    api = await start_http(http_database_url=url)
    async with httpx.AsyncClient(base_url=api.url) as web:
        for scope, status in (("tenant", 200), ("operator", 403)):
            body = {"license": market.license(market.account("operator"), "api"), "scope": scope}
            client = Client(web, (await web.post("/v1/tokens", json=body)).json())
            answer = await client.get("/v1/accounts")
            assert answer.status_code == status
    assert refused(answer) == (403, "TRW09")


async def test_two_tenants_never_see_each_other(market: Market, sign_in: SignIn) -> None:
    master = market.master()
    accounts = [market.account("subscriber") for _ in range(2)]
    subscriptions = [market.follow(account, master) for account in accounts]
    mine, yours = [await sign_in(account) for account in accounts]
    for list_of in ("accounts", "licenses", "streams", "subscriptions", "wallets", "protection-events"):
        seen, other = [{str(row) for row in await client.items(f"/v1/{list_of}")} for client in (mine, yours)]
        assert not seen & other, list_of
    foreign = f"/v1/subscriptions/{subscriptions[1]}"
    for path in (foreign, f"{foreign}/signals/1/1", f"{foreign}/deliveries/1", f"/v1/accounts/{accounts[1]}"):
        assert refused(await mine.get(path)) == (404, "TRW02"), path
    assert refused(await mine.get(f"/v1/accounts/{accounts[1]}/trust")) == (404, "TRT01")
    assert refused(await mine.get(f"/v1/accounts/{accounts[1]}/statement")) == (404, "TRB08")
    for path, body in {
        f"{foreign}/settings": {"settings": {"multiplier": 2}},
        f"{foreign}/state": {"cause": "end"},
        f"{foreign}/what-if": {"settings": {}},
        "/v1/protection-events": {"subscription_id": subscriptions[1], "code": "TRG01"},
    }.items():
        assert refused(await mine.post(path, body)) == (404, "TRS17"), path
    license_of = {row["account_id"]: row["license_id"] for row in await yours.items("/v1/licenses")}[accounts[1]]
    assert refused(await mine.post(f"/v1/licenses/{license_of}/revoke", {"reason": "x"})) == (404, "TRA01")
    assert (await yours.get(foreign)).json()["state"] == "SYNCED"
