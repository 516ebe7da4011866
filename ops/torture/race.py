"""Two connections that decide the same sequence number at once, which the lock of the stream's head is there for."""

import asyncio
import uuid
from collections.abc import Sequence

import asyncpg

from gateway import calls, publishing
from gateway import ecp_pb2 as pb
from gateway.client import now_us, sign
from ops.bench import market
from ops.paths import DB
from ops.torture.journal import Kind, Line
from ops.torture.load import Master
from ops.torture.world import World

ROUNDS = 100
LANE = "select lane from signals.streams where stream_id = $1"
LOCK = "order by h.stream_id\n  for no key update;"
UNLOCKED = "order by h.stream_id;"
INGEST = DB / "functions" / "signals" / "ingest.sql"


def skip_lock(world: World) -> None:
    """signals.ingest as it is, but for the lock that it begins with."""
    text = INGEST.read_text()
    assert text.count(LOCK) == 1, "signals.ingest has another lock now"
    with world.connect() as connection:
        connection.execute(text.replace(LOCK, UNLOCKED).encode())


def drop_key(world: World) -> None:
    """Without it nothing but the lock keeps a number from being given twice."""
    with world.connect() as connection:
        connection.execute("alter table signals.signals drop constraint signals_pk")


async def race(world: World, master: Master) -> int:
    """Two bodies for each of a hundred numbers; how many calls the database refused as a whole."""
    assert master.client is not None
    session = uuid.UUID(bytes=master.client.welcome.session)
    stream_id, refused = master.stream.stream_id, 0
    connections = [await asyncpg.connect(world.url) for _ in range(2)]
    try:
        lane = await connections[0].fetchval(LANE, stream_id)
        for _ in range(ROUNDS):
            first = master.next_signal()
            second = pb.Signal.FromString(first.signal)
            second.magic += 1
            bodies = [first, sign(market.KEY, second)]
            world.journal.write(_line("signal intent", stream_id, master.seq, body) for body in bodies)
            answers = await asyncio.gather(
                *(
                    connection.fetch(calls.INGEST, lane, *_columns(session, stream_id, body))
                    for connection, body in zip(connections, bodies, strict=True)
                ),
                return_exceptions=True,
            )
            refused += sum(isinstance(answer, asyncpg.UniqueViolationError) for answer in answers)
            _note(world, stream_id, master.seq, bodies, answers)
    finally:
        for connection in connections:
            await connection.close()
    return refused


def _note(world: World, stream_id: int, seq: int, bodies: Sequence[pb.SignedSignal], answers: Sequence[object]) -> None:
    """What was accepted, or refused in its place; REPLAY takes no place."""
    for body, answer in zip(bodies, answers, strict=True):
        if isinstance(answer, asyncpg.UniqueViolationError):
            continue
        if isinstance(answer, BaseException):
            raise answer
        assert isinstance(answer, list)
        if answer[0]["verdict"] != "REPLAY":
            world.journal.write([_line("signal ack", stream_id, seq, body)._replace(verdict=answer[0]["verdict"])])


def _columns(session: uuid.UUID, stream_id: int, body: pb.SignedSignal) -> list[list[object]]:
    return publishing.columns(session, stream_id, [body], publishing.read(stream_id, [body]), now_us())


def _line(kind: Kind, stream_id: int, seq: int, body: pb.SignedSignal) -> Line:
    return Line(kind, stream_id, seq, body.tag.hex())
