"""The application: routes, and how what goes wrong is told."""

from collections.abc import Callable, Coroutine
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request, Response
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
    health,
    licenses,
    money,
    operations,
    query,
    streams,
    subscriptions,
    tokens,
)

ROUTERS = (tokens, accounts, licenses, streams, subscriptions, money, events, operations, query, health)


def create(api: Api, live: Live) -> ASGIApp:
    app = FastAPI(
        title="Execution Control Plane",
        version=version("execution-control-plane"),
        summary="Signed trade signals, decided in Postgres, delivered to every subscriber.",
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        responses=RESPONSES,
        exception_handlers={
            Problem: _problem(lambda problem: problem),
            RequestValidationError: _problem(of_validation),
            HTTPException: _problem(of_framework),
            Exception: _problem(of_failure),
        },
    )
    app.state.api = api
    for module in ROUTERS:
        app.include_router(module.router)
    app.mount("/console", console.create(api, live))
    settings = api.settings
    return headers(Guard(app, max_bytes=settings.http_max_body_bytes, seconds=settings.http_body_ms / 1000))


def _problem(of: Callable[[Any], Problem]) -> Callable[[Request, Any], Coroutine[Any, Any, Response]]:
    async def handler(request: Request, error: Any) -> Response:
        problem = of(error)
        body = problem.body(request.app.state.api.texts[problem.code])
        return Response(body, problem.status, problem.headers, media_type=MEDIA_TYPE)

    return handler
