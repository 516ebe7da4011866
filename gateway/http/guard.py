"""What no request may do to the others: send without end, or without haste."""

import asyncio
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.http.problems import Problem
from gateway.meters import REQUESTS


class Guard:
    """Holds every body to a size and a time."""

    def __init__(self, app: ASGIApp, *, max_bytes: int, seconds: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        loop = asyncio.get_running_loop()
        until = loop.time() + self._seconds
        received = 0
        whole = False

        async def bounded() -> Message:
            nonlocal received, whole
            if whole:
                return await receive()
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                raise Problem("TRW05", headers={"Connection": "close"}) from None
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                limit = {"max_bytes": self._max_bytes}
                raise Problem(
                    "TRW04", f"more than {self._max_bytes} bytes", context=limit, headers={"Connection": "close"}
                )
            whole = not message.get("more_body", False)
            return message

        await self._app(scope, bounded, send)


def headers(app: ASGIApp) -> ASGIApp:
    """Answers are for who asked, and for now, unless they say otherwise; and no browser makes anything else of them."""
    more: list[Any] = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                REQUESTS[message["status"]] += 1
                said = {name for name, _ in message["headers"]}
                message = {**message, "headers": [*message["headers"], *(each for each in more if each[0] not in said)]}
            await send(message)

        await app(scope, receive, with_headers)

    return wrapped
