"""Who asks, and what is done for him: one transaction a request, in the role of its token and bound to its account."""

import hashlib
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, nullcontext
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from gateway.http import calls
from gateway.http.api import Api, Connection, Rows, Who
from gateway.http.calls import Listing
from gateway.http.pages import Paging
from gateway.http.problems import Problem

ACTOR = object()
"""Among the arguments of a call: the name of whom it is done for."""

bearer = HTTPBearer(auto_error=False, description="An access token of POST /v1/tokens.")


def api_of(request: Request) -> Api:
    found: Api = request.app.state.api
    return found


def peer_of(request: Request) -> str:
    return request.client.host if request.client else "127.0.0.1"


class Caller:
    """Reads in the caller's name."""

    def __init__(self, request: Request, token: str) -> None:
        self._request = request
        self._api = api_of(request)
        self._token = token
        self._peer = peer_of(request)
        self._is_counted = False

    @asynccontextmanager
    async def transaction(
        self, *, readonly: bool = True, deadline_ms: int | None = None, is_long: bool = False
    ) -> AsyncIterator[tuple[Connection, Who]]:
        """A transaction of the caller, of whom there is one at a time if it may be long. Raises Problem."""
        options: dict[str, Any] = {"readonly": readonly, "deadline_ms": deadline_ms, "may_be_done": not readonly}
        async with self._api.transaction(**options, is_long=is_long) as connection:
            who = await self._api.admit(connection, self._token, self._peer)
            if not self._is_counted:
                self._is_counted = True
                await self._api.rates.account(who.account_id)
            with self._api.alone(who.account_id) if is_long else nullcontext():
                yield connection, who

    async def rows(self, sql: str, *arguments: Any, readonly: bool = True, is_long: bool = False) -> Rows:
        async with self.transaction(readonly=readonly, is_long=is_long) as (connection, _):
            return await connection.fetch(sql, *arguments)

    async def row(self, sql: str, *arguments: Any) -> Any:
        """The one that there is. Raises TRW02 if there is none."""
        found = await self.rows(sql, *arguments)
        if not found:
            raise Problem("TRW02")
        return dict(found[0])

    async def page(self, listing: Listing, paging: Paging, *arguments: Any) -> dict[str, Any]:
        key = paging.after(listing)
        return paging.page(listing, await self.rows(listing.sql, *arguments, *key, paging.limit + 1))


class Writer(Caller):
    """Does what is asked once, however often it is asked: the answer is kept in the transaction that did it."""

    def __init__(self, request: Request, token: str, key: str) -> None:
        super().__init__(request, token)
        self._key = key

    async def write(
        self, model: type[BaseModel], sql: str, *arguments: Any, secrets: Collection[str] = (), **more: Any
    ) -> Response:
        """The row of the call and `more` as `model`. Of `secrets` the answer that is kept has nothing: who asks again
        is told what was done, but a secret is shown once."""
        asked = self._request
        body = await asked.body()
        fingerprint = hashlib.sha256(f"{asked.method} {asked.url.path}\n".encode() + body).digest()
        status: int = asked.scope["route"].status_code or 200
        async with self.transaction(readonly=False) as (connection, who):
            done = await connection.fetchrow(calls.BEGIN_REQUEST, self._key, fingerprint)
            if done:
                return _json(done["answer"], done["status"], {"Idempotency-Replayed": "true"})
            row = await connection.fetchrow(sql, *(who.account if each is ACTOR else each for each in arguments))
            answer = model.model_validate({**dict(row or {}), **more})
            kept = answer.model_copy(update=dict.fromkeys(secrets))
            await connection.execute(calls.END_REQUEST, self._key, status, kept.model_dump_json())
        return _json(answer.model_dump_json(), status)


def _json(text: str, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(text, status, headers, media_type="application/json")


async def token_of(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]
) -> str:
    """The bearer's token. Raises TRW11 without one, and TRW06 where too much was asked."""
    if credentials is None:
        raise Problem("TRW11", "there is no Authorization: Bearer header")
    await api_of(request).rates.request(credentials.credentials, peer_of(request))
    return credentials.credentials


Token = Annotated[str, Depends(token_of)]


def _reader(request: Request, token: Token) -> Caller:
    return Caller(request, token)


def _writer(
    request: Request,
    token: Token,
    key: Annotated[
        str,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=200,
            pattern="^[!-~]+$",
            description="A word of your own for this request; the same one when it is repeated.",
        ),
    ],
) -> Writer:
    return Writer(request, token, key)


Reads = Annotated[Caller, Depends(_reader)]
Writes = Annotated[Writer, Depends(_writer)]
