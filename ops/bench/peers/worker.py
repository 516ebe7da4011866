"""The peer's worker: from a Redis stream, by consumer group, to Postgres in batches, then XACK. Run as
`python -m ops.bench.peers.worker SOCKET KEY DATABASE_URL`; prints a line when it reads, then for every batch that is
committed a record: when (by the machine's monotonic clock), how many, and stream and seq of each."""

import asyncio
import struct
import sys
import time
from typing import BinaryIO

import asyncpg
import uvloop

from gateway import ecp_pb2 as pb
from ops.bench.peers import rows
from ops.bench.peers.resp import Redis

GROUP = "postgres"
CONSUMERS = 2
"""As many connections to Postgres as the gateway's provider side: one waits for the disk while the other works."""
BATCH = 500
"""As many signals as the gateway puts into one call."""
READY = b"ready\n"
HEAD = struct.Struct("=dI")
ROW = struct.Struct("=qq")


async def main(socket: str, key: str, database_url: str) -> None:
    setup = await Redis.connect(socket)
    await setup.call("XGROUP", "CREATE", key, GROUP, "$", "MKSTREAM")
    setup.close()
    out = sys.stdout.buffer
    out.write(READY)
    out.flush()
    await asyncio.gather(*(_consume(socket, key, database_url, f"c{n}", out) for n in range(CONSUMERS)))


async def _consume(socket: str, key: str, database_url: str, name: str, out: BinaryIO) -> None:
    redis = await Redis.connect(socket)
    connection = await asyncpg.connect(database_url, server_settings={"application_name": "ecp bench worker"})
    statement = await connection.prepare(rows.INSERT)
    while True:
        reply = await redis.call("XREADGROUP", "GROUP", GROUP, name, "COUNT", BATCH, "BLOCK", 1000, "STREAMS", key, ">")
        if reply is None:
            continue
        ((_, entries),) = reply
        columns = rows.columns([pb.SignedSignal.FromString(fields[1]) for _, fields in entries])
        await statement.fetch(0, *rows.inserted(columns))
        now = time.monotonic()
        redis.send(("XACK", key, GROUP, *(entry for entry, _ in entries)), lambda _: None)
        streams, seqs = columns[1], columns[3]
        out.write(HEAD.pack(now, len(seqs)) + b"".join(map(ROW.pack, streams, seqs)))
        out.flush()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
