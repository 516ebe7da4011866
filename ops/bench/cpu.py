"""CPU time of other processes, from /proc: what work costs, whatever else the machine does meanwhile."""

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
    """What their threads have used since they began, to the nanosecond. A process that is gone counts nothing."""
    used = 0
    for pid in processes:
        with suppress(FileNotFoundError, ProcessLookupError):
            used += sum(int(file.read_text().split()[0]) for file in Path(f"/proc/{pid}/task").glob("*/schedstat"))
    return used / 1e9


def backends(connection: Connection[Any]) -> list[int]:
    """Whatever serves a client in this database, this connection excepted; nothing where the server's processes are
    not to be seen, as in a container."""
    return [pid for (pid,) in connection.execute(_BACKENDS).fetchall() if _is_postgres(pid)]


def _is_postgres(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().startswith("postgres")
    except FileNotFoundError:
        return False
