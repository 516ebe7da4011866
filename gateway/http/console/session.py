"""Who looks: a pair of tokens in cookies that no script reads and no other site sends."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, Request

from gateway.http import calls
from gateway.http.api import Connection, Who
from gateway.http.caller import Caller, api_of, peer_of
from gateway.http.problems import Problem
from gateway.http.routes.tokens import refreshed

PATH = "/console"
ACCESS, REFRESH = "ecp_access", "ecp_refresh"
MARGIN = 30
"""Seconds before its end at which an access token is no longer used."""
REMEMBERED = 30.0

NAMES = (
    "ops.live", "ops.halts", "ops.job_states", "audit.trail", "analytics.streams", "analytics.subscriptions",
    "analytics.trust", "analytics.balances", "billing.statement", "signals.explain", "signals.halt",
    "signals.lift_halt", "trust.report", "trust.reset",
)  # fmt: skip
"""What the pages read and call: of it, access.rights says what is offered to whom."""


class Visitor(Caller):
    """Reads and writes in the name of who is signed in; after the first of it, knows who that is and what he may."""

    def __init__(self, request: Request, token: str) -> None:
        super().__init__(request, token)
        self.who: Who | None = None
        self.rights: frozenset[str] = frozenset()
        request.state.visitor = self

    @asynccontextmanager
    async def transaction(
        self, *, readonly: bool = True, deadline_ms: int | None = None, is_long: bool = False
    ) -> AsyncIterator[tuple[Connection, Who]]:
        options: dict[str, Any] = {"readonly": readonly, "deadline_ms": deadline_ms, "is_long": is_long}
        async with super().transaction(**options) as (connection, who):
            self.who, self.rights = who, frozenset(await connection.fetchval(calls.RIGHTS, NAMES))
            yield connection, who

    async def do(self, sql: str, *arguments: Any) -> None:
        """A call whose last argument is who does it."""
        async with self.transaction(readonly=False) as (connection, who):
            await connection.execute(sql, *arguments, who.account)


class Refreshing:
    """A browser asks for several things at once, and a refresh token is good for one refresh: who comes with the same
    one, from the same address, gets the same answer. A failure is told to those who wait for it and to nobody else."""

    def __init__(self) -> None:
        self._going: dict[tuple[bytes, str], asyncio.Task[dict[str, Any]]] = {}

    async def tokens(self, request: Request, refresh: str) -> dict[str, Any]:
        """Raises Problem."""
        key = hashlib.sha256(refresh.encode()).digest(), peer_of(request)
        task = self._going.get(key)
        if task is None:
            task = self._going[key] = asyncio.create_task(refreshed(request, refresh))
            task.add_done_callback(partial(self._done, key))
        return await asyncio.shield(task)

    def _done(self, key: tuple[bytes, str], task: asyncio.Task[dict[str, Any]]) -> None:
        if task.cancelled() or task.exception():
            del self._going[key]
        else:
            asyncio.get_running_loop().call_later(REMEMBERED, self._going.pop, key)


async def visitor(request: Request) -> Visitor:
    """Raises TRW11 for who is not signed in."""
    refresh, token = request.cookies.get(REFRESH), request.cookies.get(ACCESS)
    if not refresh:
        raise Problem("TRW11", "nobody is signed in")
    if not token:
        tokens = await request.app.state.refreshing.tokens(request, refresh)
        keep(request, tokens)
        token = str(tokens["access_token"])
    await api_of(request).rates.request(token, peer_of(request))
    return Visitor(request, token)


async def form(request: Request) -> dict[str, str]:
    """What was sent by a page of ours. Raises TRW15 when it was another's."""
    origin = urlsplit(request.headers.get("origin", "")).netloc
    if origin != request.headers.get("host"):
        raise Problem("TRW15")
    try:
        return dict(parse_qsl((await request.body()).decode(), keep_blank_values=True, max_num_fields=20))
    except ValueError:
        raise Problem("TRW01", "this is no form") from None


def keep(request: Request, tokens: dict[str, Any]) -> None:
    """Have the answer to this request set the cookies."""
    request.state.cookies = {
        ACCESS: (tokens["access_token"], max(1, tokens["expires_in"] - MARGIN)),
        REFRESH: (tokens["refresh_token"], None),
    }


def forget(request: Request) -> None:
    request.state.cookies = {ACCESS: ("", 0), REFRESH: ("", 0)}


def cookies(request: Request) -> list[str]:
    """Set-Cookie headers of what is to be kept. Without Max-Age a cookie ends with the browser."""
    secure = "; Secure" if request.url.scheme == "https" else ""
    return [
        f"{name}={value}; Path={PATH}; HttpOnly; SameSite=Strict{secure}{'' if age is None else f'; Max-Age={age}'}"
        for name, (value, age) in getattr(request.state, "cookies", {}).items()
    ]


Visits = Annotated[Visitor, Depends(visitor)]
Form = Annotated[dict[str, str], Depends(form)]
