"""Who sees which pages, and what is done from them."""

import httpx
import pytest

from tests.gateway.conftest import Market
from tests.gateway.http.console.conftest import Visit

pytestmark = pytest.mark.core

OF_THE_HOUSE = ["/streams", "/subscriptions", "/trust", "/money"]
ON_DUTY = ["/", "/jobs", "/audit", "/halts"]


@pytest.mark.parametrize("scope", ["operator", "auditor"])
async def test_who_is_on_duty_sees_every_page(visit: Visit, market: Market, scope: str) -> None:
    market.subscriber(market.master())
    browser = await visit(scope)
    for path in ON_DUTY + OF_THE_HOUSE:
        answer = await browser.get(f"/console{path}")
        assert answer.status_code == 200, answer.text
        assert answer.text.count('aria-current="page"') == 1


async def test_an_analyst_sees_what_analysts_read_and_is_offered_no_more(visit: Visit) -> None:
    browser = await visit("analyst")
    for path in OF_THE_HOUSE:
        answer = await browser.get(f"/console{path}")
        assert answer.status_code == 200
        assert "/console/jobs" not in answer.text
    for path in ON_DUTY:
        answer = await browser.get(f"/console{path}")
        assert (answer.status_code, "TRW09" in answer.text) == (403, True)


@pytest.mark.parametrize("path", ["/", "/streams", "/halts", "/live", "/audit"])
async def test_nobody_sees_anything_before_he_signs_in(web: httpx.AsyncClient, path: str) -> None:
    answer = await web.get(f"/console{path}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in")


async def test_details_are_one_link_away(visit: Visit, market: Market) -> None:
    master = market.master()
    _, subscription = market.subscriber(master)
    account = market.value("select account_id from signals.subscriptions")
    market.db.execute("select billing.open_wallet(%s, 'USD')", [account])
    market.db.execute("select billing.deposit(%s, 'USD', 100, 'bank-1', 'a test')", [account])
    browser = await visit()
    for path, shown in [
        (f"/streams/{master.stream_id}", master.stream),
        (f"/subscriptions/{subscription}", "SYNCED"),
        (f"/trust/{account}", "Trust of"),
        (f"/money/{account}", "100"),
    ]:
        answer = await browser.get(f"/console{path}")
        assert (answer.status_code, shown in answer.text) == (200, True), answer.text


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/streams/999", 404, "TRW02"),
        ("/streams/none", 422, "TRW01"),
        (f"/streams/{2**70}", 422, "TRW01"),
        ("/streams?cursor=nonsense", 422, "TRW01"),
        ("/money/1?currency=x", 422, "TRW01"),
        ("/no-such-page", 404, "TRW02"),
    ],
)
async def test_what_is_not_there_is_a_page_that_says_so(visit: Visit, path: str, status: int, code: str) -> None:
    browser = await visit()
    answer = await browser.get(f"/console{path}")
    assert (answer.status_code, code in answer.text) == (status, True)
    assert answer.headers["content-type"].startswith("text/html")


async def test_a_halt_is_asked_about_done_shown_and_lifted(visit: Visit, market: Market) -> None:
    master, browser = market.master(), await visit()
    halt = {"scope": "STREAM", "subject": str(master.stream_id), "reason": "a <b>drill</b>"}
    asked = await browser.post("/console/halts", data=halt)
    assert (asked.status_code, "Yes, halt" in asked.text) == (200, True)
    assert market.value("select count(*) from ops.halts") == 0
    done = await browser.post("/console/halts", data={**halt, "confirmed": "yes"})
    assert done.status_code == 303
    shown = await browser.get(done.headers["location"])
    assert "a &lt;b&gt;drill&lt;/b&gt;" in shown.text
    assert market.value("select actor from ops.halts") in shown.text
    await browser.post("/console/halts/lift", data={**halt, "confirmed": "yes"})
    assert market.value("select count(*) from ops.halts") == 0
    assert market.value("select count(*) from audit.trail where kind in ('signals.halt', 'signals.lift_halt')") == 2


async def test_a_score_is_reset_with_a_reason(visit: Visit, market: Market) -> None:
    market.master()
    account = market.value("select account_id from signals.streams")
    market.db.execute("select trust.reset(%s, 'provider', 10, 'a test', 'a test')", [account])
    browser = await visit()
    assert "Paused" in (await browser.get(f"/console/trust/{account}")).text
    reset = {"role": "provider", "score": "80", "reason": "it was a drill"}
    assert "Yes, reset" in (await browser.post(f"/console/trust/{account}", data=reset)).text
    await browser.post(f"/console/trust/{account}", data={**reset, "confirmed": "yes"})
    assert market.value("select score from trust.scores where account_id = %s", account) == 80


@pytest.mark.parametrize("form", [{"reason": ""}, {"subject": "no-such-stream"}, {"scope": "NONE"}])
async def test_a_halt_that_halts_nothing_is_refused_by_its_code(visit: Visit, form: dict[str, str]) -> None:
    browser = await visit()
    halt = {"scope": "STREAM", "subject": "1", "reason": "a drill", "confirmed": "yes", **form}
    answer = await browser.post("/console/halts", data=halt)
    assert (answer.status_code, "TRS42" in answer.text) == (422, True)


@pytest.mark.parametrize("path", ["/halts", "/halts/lift", "/trust/1"])
async def test_who_only_looks_is_offered_no_switch_and_has_none(visit: Visit, market: Market, path: str) -> None:
    browser = await visit("auditor")
    assert '<form class="fields"' not in (await browser.get("/console/halts")).text
    form = {"scope": "GLOBAL", "role": "provider", "score": "1", "reason": "x", "confirmed": "yes"}
    answer = await browser.post(f"/console{path}", data=form)
    assert (answer.status_code, "TRW09" in answer.text) == (403, True)
    assert market.value("select count(*) from ops.halts") == 0
