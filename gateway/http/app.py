"""The application: routes, and how what goes wrong is told."""

from collections.abc import Callable, Coroutine
from importlib.metadata import version
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from gateway.http.api import Api
from gateway.http.console import app as console
from gateway.http.console.live import Live
from gateway.http.guard import Guard, headers
from gateway.http.problems import MEDIA_TYPE, RESPONSES, Problem, of_failure, of_framework, of_validation
from gateway.http.routes import (
    accounts,
    events,
    halts,
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

ROUTERS = (tokens, accounts, licenses, streams, subscriptions, money, events, halts, operations, query, health, metrics)


def create(api: Api, live: Live) -> ASGIApp:
    """The application with its console, and what guards it."""
    settings, app = api.settings, application()
    app.state.api = api
    app.mount("/console", console.create(api, live))
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
            RequestValidationError: _problem(of_validation),
            HTTPException: _problem(of_framework),
            Exception: _problem(of_failure),
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
