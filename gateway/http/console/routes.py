"""The pages: each reads one view or calls one procedure, in the name of who looks."""

from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from gateway.http import calls
from gateway.http.caller import api_of
from gateway.http.console import session
from gateway.http.console.live import Live
from gateway.http.console.pages import page
from gateway.http.console.session import PATH, REFRESH, Form, Visits
from gateway.http.pages import PageOf
from gateway.http.problems import Problem
from gateway.http.routes import tokens
from gateway.http.routes.fields import Currency, Id

router = APIRouter(default_response_class=HTMLResponse)

SEE_OTHER = 303


class _Events(StreamingResponse):
    media_type = "text/event-stream"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self.body_iterator):  # type: ignore[type-var]
            await super().__call__(scope, receive, send)


@router.get("/sign-in")
async def sign_in(request: Request, why: Annotated[str, Query(max_length=10)] = "") -> Response:
    return page(request, "sign_in.html", text=api_of(request).texts[why] if why else None)


@router.post("/sign-in")
async def signed_in(request: Request, form: Form) -> Response:
    license_, scope = form.get("license", ""), form.get("scope", "")
    if scope not in {"operator", "auditor", "analyst"}:
        raise Problem("TRW14", f"scope: {scope}")
    try:
        obtained = await tokens.exchanged(request, license_, scope)
    except Problem as problem:
        text = api_of(request).texts[problem.code]
        return page(request, "sign_in.html", problem.status, problem.headers, text=text)
    session.keep(request, obtained)
    return RedirectResponse(f"{PATH}/", SEE_OTHER)


@router.post("/sign-out")
async def sign_out(request: Request, _: Form) -> Response:
    """Every token of this sign-in ends, wherever it got to."""
    if refresh := request.cookies.get(REFRESH):
        await tokens.revoke(request, refresh)
    session.forget(request)
    return RedirectResponse(f"{PATH}/sign-in", SEE_OTHER)


@router.get("/")
async def overview(request: Request, visitor: Visits) -> Response:
    return page(request, "overview.html", reading=await visitor.row(calls.LIVE), points=live_of(request).points)


@router.get("/live")
async def live(request: Request, visitor: Visits) -> Response:
    """The overview, as it changes."""
    async with visitor.transaction() as (_, who):
        if "ops.live" not in visitor.rights:
            raise Problem("TRW09")
    return _Events(live_of(request).watch(who.role))


def live_of(request: Request) -> Live:
    found: Live = request.app.state.live
    return found


# Kill switches ------------------------------------------------------------------------------------------------------


@router.get("/halts")
async def halts(
    request: Request,
    visitor: Visits,
    scope: Annotated[str, Query(max_length=20)] = "STREAM",
    subject: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """What is halted, and the form that halts, filled in by whoever linked here."""
    return page(request, "halts.html", rows=await visitor.rows(calls.HALTS), scope=scope, subject=subject)


@router.post("/halts")
async def halt(request: Request, visitor: Visits, form: Form) -> Response:
    return await _confirmed(request, visitor, form, "halt", calls.HALT, *_halted(form))


@router.post("/halts/lift")
async def lift_halt(request: Request, visitor: Visits, form: Form) -> Response:
    return await _confirmed(request, visitor, form, "lift", calls.LIFT_HALT, *_halted(form))


def _halted(form: dict[str, str]) -> tuple[str, str, str]:
    return form.get("scope", ""), form.get("subject", ""), form.get("reason", "")


async def _confirmed(
    request: Request, visitor: Visits, form: dict[str, str], what: str, sql: str, *arguments: Any, back: str = "/halts"
) -> Response:
    """Done when it was sent from the page that asks whether it is meant; else that page."""
    if "confirmed" not in form:
        async with visitor.transaction():
            return page(request, "confirm.html", what=what, form=form, back=PATH + back)
    await visitor.do(sql, *arguments)
    return RedirectResponse(PATH + back, SEE_OTHER)


# Lists --------------------------------------------------------------------------------------------------------------


@router.get("/streams")
async def streams(request: Request, visitor: Visits, paging: PageOf) -> Response:
    return page(request, "streams.html", **await visitor.page(calls.STREAMS, paging))


@router.get("/streams/{stream_id}")
async def stream(request: Request, visitor: Visits, stream_id: Id, paging: PageOf) -> Response:
    found = await visitor.row(calls.STREAM, stream_id)
    return page(request, "stream.html", stream=found, **await visitor.page(calls.SIGNALS, paging, stream_id))


@router.get("/subscriptions")
async def subscriptions(request: Request, visitor: Visits, paging: PageOf) -> Response:
    return page(request, "subscriptions.html", **await visitor.page(calls.SUBSCRIPTIONS, paging))


@router.get("/subscriptions/{subscription_id}")
async def subscription(request: Request, visitor: Visits, subscription_id: Id, paging: PageOf) -> Response:
    found = await visitor.row(calls.SUBSCRIPTION, subscription_id)
    decisions = await visitor.page(calls.DECISIONS, paging, subscription_id)
    return page(request, "subscription.html", subscription=found, **decisions)


@router.get("/subscriptions/{subscription_id}/deliveries/{delivery_seq}")
async def explain_delivery(request: Request, visitor: Visits, subscription_id: Id, delivery_seq: Id) -> Response:
    found = await visitor.row(calls.EXPLAIN_DELIVERY, subscription_id, delivery_seq)
    return page(request, "explanation.html", found=found)


@router.get("/subscriptions/{subscription_id}/signals/{epoch}/{seq}")
async def explain(request: Request, visitor: Visits, subscription_id: Id, epoch: Id, seq: Id) -> Response:
    found = await visitor.row(calls.EXPLAIN, subscription_id, epoch, seq)
    return page(request, "explanation.html", found=found)


@router.get("/trust")
async def trust(request: Request, visitor: Visits) -> Response:
    return page(request, "trust.html", rows=await visitor.rows(calls.TRUST_SCORES))


@router.get("/trust/{account_id}")
async def standing(request: Request, visitor: Visits, account_id: Id) -> Response:
    return page(request, "standing.html", account_id=account_id, rows=await visitor.rows(calls.TRUST, account_id))


@router.post("/trust/{account_id}")
async def reset_trust(request: Request, visitor: Visits, account_id: Id, form: Form) -> Response:
    try:
        score = int(form.get("score", ""))
    except ValueError:
        raise Problem("TRW01", "score: a whole number from 0 to 100") from None
    arguments = account_id, form.get("role", ""), score, form.get("reason", "")
    back = f"/trust/{account_id}"
    return await _confirmed(request, visitor, form, "reset", calls.RESET_TRUST, *arguments, back=back)


@router.get("/money")
async def money(request: Request, visitor: Visits, paging: PageOf) -> Response:
    return page(request, "money.html", **await visitor.page(calls.WALLETS, paging))


@router.get("/money/{account_id}")
async def statement(
    request: Request,
    visitor: Visits,
    account_id: Id,
    paging: PageOf,
    currency: Annotated[Currency, Query()] = "USD",
    kind: Annotated[str, Query(max_length=20)] = "WALLET",
) -> Response:
    """Of this month."""
    lines = await visitor.page(calls.STATEMENT, paging, account_id, currency, None, None, kind)
    return page(request, "statement.html", account_id=account_id, currency=currency, kind=kind, **lines)


@router.get("/jobs")
async def jobs(request: Request, visitor: Visits) -> Response:
    return page(request, "jobs.html", rows=await visitor.rows(calls.JOBS))


@router.get("/audit")
async def audit(request: Request, visitor: Visits, paging: PageOf) -> Response:
    return page(request, "audit.html", **await visitor.page(calls.TRAIL, paging))
