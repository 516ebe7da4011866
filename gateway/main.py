"""Runs a gateway until it is told to stop: what `ecp serve` calls."""

import asyncio
import gc
import logging
import re
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, TextIO

import structlog
import uvloop
from structlog.typing import EventDict, Processor, WrappedLogger

from gateway.server import Gateway
from gateway.settings import Settings
from gateway.traces import TRACES

# A license as it is shown once: ecp_<license>_<secret>.
_SECRET = re.compile(r"(ecp_[0-9a-f]{32}_)[\w-]+")

Ready = Callable[[str, int], None]
HttpReady = Callable[[str], None]


async def serve(
    settings: Settings,
    expected_fingerprint: str | None = None,
    ready: Ready | None = None,
    http_ready: HttpReady | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then drain. `ready` is called with the address once it takes connections, and
    `http_ready` with the URL of the HTTP API. Raises gateway.errors.StartupRefused when the database does not suit, and
    what a part of the gateway died of."""
    stop = asyncio.Event()
    deaths: list[BaseException] = []

    def failed(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        loop.default_exception_handler(context)
        if context.get("is_fatal"):
            deaths.append(context["exception"])
            stop.set()

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(failed)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        TRACES.start(settings.trace_ratio)
        async with AsyncExitStack() as running:
            announcements: list[Callable[[], None]] = []
            gateway = Gateway(settings, expected_fingerprint)
            if settings.tcp:
                await gateway.start()
                running.push_async_callback(gateway.stop)
                if ready:
                    announcements.append(partial(ready, *gateway.address))
            if settings.http:
                from gateway.http.server import Http  # what a gateway without it need not keep in memory

                http = Http(settings, expected_fingerprint, gateway if settings.tcp else None)
                await http.start()
                running.push_async_callback(http.stop)
                if http_ready:
                    announcements.append(partial(http_ready, http.url))
            _spare_collector()
            for announce in announcements:
                announce()
            await stop.wait()
        if deaths:
            raise deaths[0]
    finally:
        TRACES.stop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _spare_collector() -> None:
    """A full garbage collection stops everybody, for the longer the more there is to look through. What is there by
    now stays, and is not looked through again; of what comes, hardly anything ever is in a cycle."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 50, 100)


def run(
    settings: Settings,
    expected_fingerprint: str | None = None,
    ready: Ready | None = None,
    http_ready: HttpReady | None = None,
) -> None:
    """`serve` on uvloop, logging to standard error."""
    configure_logging(settings.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, expected_fingerprint, ready, http_ready))


def configure_logging(level: str = "info", into: TextIO | None = None) -> None:
    """Lines for people on a terminal, JSON for machines, what libraries say too; on standard error unless told."""
    into = into or sys.stderr
    first: list[Processor] = [structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True)]
    last: list[Processor] = [
        structlog.processors.format_exc_info,
        mask,
        structlog.dev.ConsoleRenderer() if into.isatty() else structlog.processors.JSONRenderer(),
    ]
    structlog.configure(
        processors=[*first, *last],
        logger_factory=structlog.PrintLoggerFactory(into),
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    handler = logging.StreamHandler(into)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=first, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def mask(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Nobody logs a license, but what a client sends may come back in the text of an error."""
    return {key: _SECRET.sub(r"\1…", value) if isinstance(value, str) else value for key, value in event.items()}
