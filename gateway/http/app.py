"""The application: routes, and how what goes wrong is told."""

from collections.abc import Callable, Coroutine
from importlib.metadata import version
from typing import Any

import structlog
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from gateway.http.api import Api
from gateway.http.guard import Guard, headers
from gateway.http.problems import MEDIA_TYPE, RESPONSES, Problem
from gateway.http.routes import (
    accounts,
    events,
    health,
    licenses,
    metrics,
    money,
    operations,
    query,
    streams,
    subscriptions,
    tokens,
)

log = structlog.get_logger(__name__)

ROUTERS = (tokens, accounts, licenses, streams, subscriptions, money, events, operations, query, health, metrics)
KEY_MISSING = {"type": "missing", "loc": ("header", "Idempotency-Key")}


def create(api: Api) -> ASGIApp:
    """The application, and what guards it."""
    settings, app = api.settings, application()
    app.state.api = api
    return headers(Guard(app, max_bytes=settings.http_max_body_bytes, seconds=settings.http_body_ms / 1000))


def application() -> FastAPI:
    """The routes, and the description of them."""
    app = FastAPI(
        title="Execution Control Plane",
        version=version("execution-control-plane"),
        summary="Signed trade signals, decided in Postgres, delivered to every subscriber.",
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        responses=RESPONSES,
        dependencies=[Depends(_know_parameters)],
        exception_handlers={
            Problem: _problem(lambda problem: problem),
            RequestValidationError: _problem(_of_validation),
            HTTPException: _problem(_of_framework),
            Exception: _problem(_of_failure),
        },
    )
    for module in ROUTERS:
        app.include_router(module.router)
    return app


def _know_parameters(request: Request) -> None:
    """A misspelt parameter is refused: it would be a limit or a time that silently does not hold."""
    operation = request.app.openapi()["paths"][request.scope["route"].path][request.method.lower()]
    known = {each["name"] for each in operation.get("parameters", []) if each["in"] == "query"}
    if unknown := set(request.query_params) - known:
        context = {f"query.{name}": "there is no such parameter" for name in sorted(unknown)}
        raise Problem("TRW01", f"no such parameter: {', '.join(sorted(unknown))}", context=context)


def _problem(of: Callable[[Any], Problem]) -> Callable[[Request, Any], Coroutine[Any, Any, Response]]:
    async def handler(request: Request, error: Any) -> Response:
        problem = of(error)
        body = problem.body(request.app.state.api.texts[problem.code])
        return Response(body, problem.status, problem.headers, media_type=MEDIA_TYPE)

    return handler


def _of_validation(error: RequestValidationError) -> Problem:
    """Where, and what of it: what was sent is not sent back."""
    found = error.errors()
    if any(KEY_MISSING.items() <= each.items() for each in found):
        return Problem("TRW07")
    context = {".".join(map(str, each["loc"])): each["msg"] for each in found}
    return Problem("TRW01", "; ".join(f"{where}: {what}" for where, what in context.items()), context=context)


def _of_framework(error: HTTPException) -> Problem:
    if isinstance(error.__cause__, Problem):  # raised where a body is read, and wrapped there
        return error.__cause__
    code = {404: "TRW02", 405: "TRW03"}.get(error.status_code, "TRW01")
    detail = str(error.detail) if code == "TRW01" else ""
    return Problem(code, detail, status=error.status_code, headers=dict(error.headers or {}))


def _of_failure(error: Exception) -> Problem:
    log.error("request failed", exc_info=error)
    return Problem("TRW10")
