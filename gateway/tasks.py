"""How background tasks begin and end."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

import structlog

log = structlog.get_logger(__name__)

PATIENCE = 5.0


def begin(work: Coroutine[Any, Any, None], name: str) -> "asyncio.Task[None]":
    """A task that runs until `end`. If it dies before, the loop's exception handler is told that this `is_fatal`:
    a gateway without it would look alive and leave a lane's subscribers, or everybody's leases, to themselves."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_ended)
    return task


def _ended(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()):
        what = {"message": f"{task.get_name()} died", "exception": error, "task": task, "is_fatal": True}
        task.get_loop().call_exception_handler(what)


async def end(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    """Cancel them and wait, but not for ever: a stopping gateway must stop."""
    tasks = set(tasks)
    for task in tasks:
        task.cancel()
    if tasks:
        _, stuck = await asyncio.wait(tasks, timeout=PATIENCE)
        for task in stuck:
            log.error("task does not end", task=task.get_name())
