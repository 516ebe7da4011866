"""How background tasks end."""

import asyncio
from collections.abc import Iterable
from typing import Any

import structlog

log = structlog.get_logger(__name__)

PATIENCE = 5.0


async def end(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    """Cancel them and wait, but not for ever: a stopping gateway must stop."""
    tasks = set(tasks)
    for task in tasks:
        task.cancel()
    if tasks:
        _, stuck = await asyncio.wait(tasks, timeout=PATIENCE)
        for task in stuck:
            log.error("task does not end", task=task.get_name())
