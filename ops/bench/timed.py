"""`ecp`, noting how long each call to the database took: `python -m ops.bench.timed FILE ARGUMENTS…`.

Wrapped around the gateway's own function here, so that the gateway has no code for being measured. The file has, when
the process has ended, the milliseconds of all calls by their SQL, from the first byte sent to the last row read.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.lanes import Batch, Connection, Link, Single
from ops.cli import app


def run(into: Path) -> None:
    took: defaultdict[str, list[float]] = defaultdict(list)
    execute = Link._execute

    async def timed(self: Link, connection: Connection, call: Batch | Single) -> bool:
        is_answered = await execute(self, connection, call)
        if is_answered:
            took[call.sql].append(round(self.took * 1000, 3))
        return is_answered

    _replace(Link, "_execute", timed)
    try:
        app()
    finally:
        into.write_text(json.dumps(took))


def _replace(owner: type, name: str, by: Callable[..., Any]) -> None:
    """In this process only."""
    setattr(owner, name, by)


if __name__ == "__main__":
    run(Path(sys.argv.pop(1)))
