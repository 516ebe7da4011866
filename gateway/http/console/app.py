"""The console: an application of its own below /console, which answers in pages."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.http.api import Api
from gateway.http.console import routes
from gateway.http.console.live import Live
from gateway.http.console.pages import page
from gateway.http.console.session import PATH, Refreshing, cookies, forget
from gateway.http.problems import Problem, of_failure, of_framework, of_validation

log = structlog.get_logger(__name__)

SECURITY = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
}


def create(api: Api, live: Live) -> ASGIApp:
    app = FastAPI(
        openapi_url=None,
        exception_handlers={
            Problem: _page_of(lambda problem: problem),
            RequestValidationError: _page_of(of_validation),
            HTTPException: _page_of(of_framework),
            Exception: _page_of(of_failure),
        },
    )
    app.state.api = api
    app.state.live = live
    app.state.refreshing = Refreshing()
    app.include_router(routes.router)
    app.mount("/static", _Static(directory=Path(__file__).parent / "static"))
    return _headers(app)


def _page_of(of: Callable[[Any], Problem]) -> Callable[[Request, Any], Coroutine[Any, Any, Response]]:
    async def handler(request: Request, error: Any) -> Response:
        problem = of(error)
        if problem.status == 401 and request.method == "GET":
            forget(request)
            why = f"?why={problem.code}" if request.cookies else ""
            return RedirectResponse(f"{PATH}/sign-in{why}", 303)
        text = request.app.state.api.texts[problem.code]
        return page(request, "problem.html", problem.status, problem.headers, problem=problem, text=text)

    return handler


class _Static(StaticFiles):
    """Kept by browsers, and asked about."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


def _headers(app: ASGIApp) -> ASGIApp:
    """Nothing comes from elsewhere, no script is in a page, nobody frames it; and the cookies that are to be kept."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(SECURITY)
                for cookie in cookies(Request(scope)):
                    headers.append("Set-Cookie", cookie)
            await send(message)

        await app(scope, receive, with_headers)

    return wrapped
