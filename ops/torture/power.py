"""A power cut: what was written and not synced is gone. SIGKILL does not show that, since the page cache survives it.

It is acted out on the write-ahead log, from which the server rebuilds everything after its last checkpoint: behind the
position that was on the disk for sure when the power went, the log is filled with zeros, and the server started.
"""

import os
from pathlib import Path
from typing import Any

from psycopg import Connection

from ops.torture.server import Server

FLUSHED = "select pg_current_wal_flush_lsn()::text"
SYNCS = "select current_setting('fsync') = 'on'"
SEGMENT = "select file_name, file_offset from pg_walfile_name_offset(%s::pg_lsn)"


class Disk:
    """Knows how far the log is on the disk for sure: as far as it was flushed, if the server syncs what it flushes;
    otherwise, as far as it was when everything was synced last."""

    def __init__(self, connection: Connection[Any]) -> None:
        connection.execute("checkpoint")
        os.sync()
        self._synced = _value(connection, FLUSHED)
        self._syncs = _value(connection, SYNCS)

    def cut(self, server: Server, connection: Connection[Any]) -> None:
        """Take the power away, now. Nothing is awaited, so that no answer can be read in between."""
        sure = _value(connection, FLUSHED) if self._syncs else self._synced
        row = connection.execute(SEGMENT, [sure]).fetchone()
        assert row is not None
        server.kill()
        forget(server.cluster.home / "data" / "pg_wal", *row)


def forget(directory: Path, segment: str, offset: int) -> None:
    """Zeros from `offset` of `segment` on; later segments are as if they had never been."""
    with (directory / segment).open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(offset)
        file.write(bytes(size - offset))
    for later in directory.iterdir():
        if len(later.name) == len(segment) and later.name > segment:
            later.unlink()


def _value(connection: Connection[Any], query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]
