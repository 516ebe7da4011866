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
    return await obtain(request, asked.license, calls.EXCHANGE_LICENSE, asked.license, asked.scope, peer_of(request))


@router.post("/refresh", response_model=Tokens)
async def refresh(request: Request, asked: Refresh) -> dict[str, Any]:
    """Exchange a refresh token for the next pair; the old pair's access token lives to its end."""
    return await obtain(request, asked.refresh_token, calls.REFRESH, asked.refresh_token, peer_of(request))


async def obtain(request: Request, secret: str, sql: str, *arguments: Any) -> dict[str, Any]:
    """The next pair of tokens for a license or refresh token, by the call that takes it. Raises Problem."""
    api, peer = api_of(request), peer_of(request)
    await api.rates.may_guess(peer)
    await api.rates.request(secret)
    try:
        async with api.transaction() as connection:
            row = dict(await connection.fetchrow(sql, *arguments) or {})
    except Problem as problem:
        refused = of_credential(problem)
        if refused.status == 401:
            await api.rates.guess(peer)
        raise refused from problem
    if code := row.pop("code", None):
        raise Problem(code)
    return row
