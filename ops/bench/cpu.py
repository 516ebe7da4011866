"""CPU time of other processes, from /proc: what work costs, whoever else the machine is shared with."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from psycopg import Connection

_BACKENDS = (
    "select pid from pg_stat_activity where datname = current_database() and backend_type = 'client backend'"
    " and pid <> pg_backend_pid()"
)


def seconds(processes: Iterable[int]) -> float:
    """User and system time that they have used since they began. A process that is gone, or not on this machine, counts
    nothing."""
    ticks = 0
    for pid in processes:
        with suppress(FileNotFoundError, ProcessLookupError):
            # After the name, which is in brackets and may hold anything.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def backends(connection: Connection[Any]) -> list[int]:
    """Whatever serves a client in this database, this connection excepted."""
    return [row[0] for row in connection.execute(_BACKENDS).fetchall()]
