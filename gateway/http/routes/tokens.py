"""From a license to a short access token, and from a refresh token to the next.

There is no Idempotency-Key: what is shown here is kept nowhere, so it could not be shown again. Whoever lost an answer
exchanges the license once more."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, StringConstraints

from gateway.http import calls
from gateway.http.caller import api_of, peer_of
from gateway.http.problems import Problem, of_credential
from gateway.http.routes.fields import Body

router = APIRouter(prefix="/v1/tokens", tags=["tokens"])

Secret = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Exchange(Body):
    license: Secret = Field(description="The token of a license of purpose api.")
    scope: Literal["tenant", "operator", "analyst", "auditor"] = Field(
        default="tenant", description="Everybody may be a tenant; the others are roles of the account."
    )


class Refresh(Body):
    refresh_token: Secret


class Tokens(BaseModel):
    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105
    expires_in: int = Field(description="Seconds.")
    refresh_token: str = Field(
        description="Good for one refresh; shown again, it ends all that came before and after it."
    )
    scope: str


@router.post("", response_model=Tokens)
async def exchange(request: Request, asked: Exchange) -> dict[str, Any]:
    """Exchange a license for tokens."""
    return await exchanged(request, asked.license, asked.scope)


@router.post("/refresh", response_model=Tokens)
async def refresh(request: Request, asked: Refresh) -> dict[str, Any]:
    """Exchange a refresh token for the next pair; the old pair's access token lives to its end."""
    return await refreshed(request, asked.refresh_token)


async def exchanged(request: Request, license_: str, scope: str) -> dict[str, Any]:
    """A pair of tokens for a license. Raises Problem."""
    await api_of(request).rates.exchange(license_, peer_of(request))
    tokens = await _obtain(request, license_, calls.EXCHANGE_LICENSE, license_, scope, peer_of(request))
    api_of(request).rates.good(license_)
    return tokens


async def refreshed(request: Request, refresh_token: str) -> dict[str, Any]:
    """The next pair. Raises Problem."""
    await api_of(request).rates.request(refresh_token, peer_of(request))
    return await _obtain(request, refresh_token, calls.REFRESH, refresh_token, peer_of(request))


async def revoke(request: Request, refresh_token: str) -> None:
    """End every token of the same exchange. Raises Problem."""
    await api_of(request).rates.request(refresh_token, peer_of(request))
    await _call(request, refresh_token, calls.REVOKE_TOKENS, refresh_token)


async def _obtain(request: Request, secret: str, sql: str, *arguments: Any) -> dict[str, Any]:
    row = await _call(request, secret, sql, *arguments)
    rates = api_of(request).rates
    if code := row.pop("code", None):
        problem = of_credential(Problem(code))
        if problem.status == 401:
            await rates.wrong(secret, peer_of(request))
        raise problem
    for token in (row["access_token"], row["refresh_token"]):
        rates.good(token)
    return row


async def _call(request: Request, secret: str, sql: str, *arguments: Any) -> dict[str, Any]:
    api = api_of(request)
    try:
        async with api.transaction() as connection:
            return dict(await connection.fetchrow(sql, *arguments) or {})
    except Problem as problem:
        refused = of_credential(problem)
        if refused.status == 401:
            await api.rates.wrong(secret, peer_of(request))
        raise refused from problem
