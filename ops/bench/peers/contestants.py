"""Who takes the signals: the plane, its peers, and parts of them. Each is started once, and connected to in every
turn."""

import asyncio
import fcntl
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import IO, Any, Literal, TypeAlias, cast
from uuid import UUID

from psycopg import Connection

from gateway import calls
from gateway import ecp_pb2 as pb
from gateway.errors import Refused
from gateway.lanes import Link, Side, connector
from gateway.settings import Settings
from ops import serve
from ops.bench import cpu, market
from ops.bench.load import Source
from ops.bench.peers import redis, rows, worker
from ops.bench.peers.resp import Redis
from ops.bench.prepared import Sender

SETTINGS = Settings()
"""The gateway's own: whoever goes to Postgres without it does so over as many connections, in batches as large."""
CALL_DEADLINE_S = 5.0
PATIENCE_S = 60.0
PIPE_BYTES = 1 << 20
PEER = "ops.bench.peers"

Database: TypeAlias = Connection[Any]


@dataclass(frozen=True)
class Lot:
    """A master, and what it is going to send."""

    master: market.Master
    lane: int
    signed: Sequence[pb.SignedSignal]


class Contestant(ABC):
    """One of them, started."""

    greeted = 0
    """Signals that `connect` sends itself, and are answered."""
    last = 0.0
    """When the last signal was where it should be, by `time.monotonic`, if that is later than its answer."""

    def __init__(self, database: Database, pids: Sequence[int] = ()) -> None:
        self.database = database
        self._pids = pids

    def processes(self) -> list[int]:
        """What works for it, the generator excepted."""
        return [*self._pids, *cpu.backends(self.database)]

    @abstractmethod
    def connect(self, lots: Sequence[Lot]) -> AbstractAsyncContextManager[Sequence[Source]]:
        """A source for each lot, until the end of the turn."""

    async def settled(self) -> list[float]:
        """Wait until all that was answered is where it should be. Latencies (ms) until then, since the last call, if
        they are not those of the answers."""
        return []

    @abstractmethod
    async def stored(self, streams: Sequence[int]) -> int:
        """How many are there."""


# Over TCP -------------------------------------------------------------------------------------------------


class OverTcp(Contestant):
    """Whoever listens on a port, and answers frames as they come."""

    def __init__(self, database: Database, pids: Sequence[int], port: int) -> None:
        super().__init__(database, pids)
        self._port = port
        self._senders: list[Sender] = []

    @asynccontextmanager
    async def connect(self, lots: Sequence[Lot]) -> AsyncIterator[Sequence[Source]]:
        self._senders = [Sender(lot.master.stream_id, lot.signed) for lot in lots]
        for sender, lot in zip(self._senders, lots, strict=True):
            await self._dial(sender, lot.master)
        yield self._senders
        for sender in self._senders:
            sender.close()

    async def _dial(self, sender: Sender, _master: market.Master) -> None:
        await sender.dial(self._port)


class Plane(OverTcp):
    """A gateway, and this database."""

    async def _dial(self, sender: Sender, master: market.Master) -> None:
        await sender.log_in(self._port, master)
        self.greeted = sender.sent

    async def stored(self, streams: Sequence[int]) -> int:
        return _count(self.database, "select count(*) from signals.signals where stream_id = any(%s)", list(streams))


class Echo(OverTcp):
    """What came back is all that there is."""

    def processes(self) -> list[int]:
        return list(self._pids)

    async def stored(self, _streams: Sequence[int]) -> int:
        return sum(sender.received for sender in self._senders)


class Xadd(OverTcp):
    """The pipeline's front alone."""

    def __init__(self, database: Database, pids: Sequence[int], port: int, socket: str, key: str) -> None:
        super().__init__(database, pids, port)
        self.socket = socket
        self._key = key

    def processes(self) -> list[int]:
        return list(self._pids)

    async def stored(self, _streams: Sequence[int]) -> int:
        return await self._emptied()

    async def _emptied(self) -> int:
        client = await Redis.connect(self.socket)
        found = await client.call("XTRIM", self._key, "MAXLEN", 0)
        client.close()
        return int(found)


class Worker(Xadd):
    """The pipeline with its worker, who says when each row was committed."""

    def __init__(
        self, database: Database, pids: Sequence[int], port: int, socket: str, key: str, said: IO[bytes]
    ) -> None:
        super().__init__(database, pids, port, socket, key)
        self._said = said
        self._records = bytearray()
        self._committed: list[tuple[float, bytes]] = []
        self._count = 0
        self._came: asyncio.Event

    def processes(self) -> list[int]:
        return [*self._pids, *cpu.backends(self.database)]

    @asynccontextmanager
    async def connect(self, lots: Sequence[Lot]) -> AsyncIterator[Sequence[Source]]:
        rows.empty(self.database)
        self._committed.clear()
        self._count = 0
        self._came = asyncio.Event()
        loop = asyncio.get_running_loop()
        # The descriptor stays open from turn to turn, so the loop gets it and nothing that would close it.
        loop.add_reader(self._said.fileno(), self._read)
        try:
            async with super().connect(lots) as sources:
                yield sources
        finally:
            loop.remove_reader(self._said.fileno())

    async def settled(self) -> list[float]:
        expected = sum(sender.received for sender in self._senders)
        async with asyncio.timeout(PATIENCE_S):
            while self._count < expected:
                self._came.clear()
                await self._came.wait()
        committed, self._committed = self._committed, []
        self.last = max(at for at, _ in committed)
        due = {sender.stream_id: sender.due for sender in self._senders}
        return [
            (at - due[stream][seq - 1]) * 1000 for at, body in committed for stream, seq in worker.ROW.iter_unpack(body)
        ]

    async def stored(self, streams: Sequence[int]) -> int:
        await self._emptied()
        return _count(self.database, rows.COUNT, list(streams))

    def _read(self) -> None:
        self._records += cast("Any", self._said).read1(PIPE_BYTES)
        head, row = worker.HEAD, worker.ROW
        while len(self._records) >= head.size:
            at, count = head.unpack_from(self._records)
            end = head.size + count * row.size
            if len(self._records) < end:
                break
            self._committed.append((at, bytes(self._records[head.size : end])))
            self._count += count
            del self._records[:end]
        self._came.set()


# Without TCP ----------------------------------------------------------------------------------------------


class Answer:
    """What a batch of gateway.lanes is made of: it settles one frame's future."""

    __slots__ = ("_answer",)
    may_go = True

    def __init__(self, answer: "asyncio.Future[Any]") -> None:
        self._answer = answer

    def done(self, rows: Sequence[Any]) -> None:
        if not self._answer.done():
            self._answer.set_result(rows)

    def refused(self, code: str) -> None:
        if not self._answer.done():
            self._answer.set_exception(Refused(code))


class Feeder:
    """A master whose signals are columns already."""

    def __init__(self, link: Link, sql: str, lane: int, columns: list[list[Any]]) -> None:
        self._link = link
        self._sql = sql
        self._lane = lane
        self._columns = columns
        self._sent = 0

    def send(self, times: Sequence[float]) -> "asyncio.Future[Any]":
        first, self._sent = self._sent, self._sent + len(times)
        assert self._sent <= len(self._columns[0]), "more is sent than was prepared"
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        columns = [column[first : self._sent] for column in self._columns]
        self._link.submit(self._sql, self._lane, columns, Answer(answer))
        return answer

    def verdicts(self, answer: Any) -> list[str]:
        return [row[1] for row in answer]


class Insert(Contestant):
    """Rows into a table, over as many connections and in batches as large as the gateway's."""

    sql = rows.INSERT

    def __init__(self, database: Database, url: str) -> None:
        super().__init__(database)
        self._url = url

    @asynccontextmanager
    async def connect(self, lots: Sequence[Lot]) -> AsyncIterator[Sequence[Source]]:
        rows.empty(self.database)
        links = [
            Link(
                f"bench {number}",
                connector(self._url, SETTINGS.database_role, f"bench {number}"),
                [self.sql],
                deadline=CALL_DEADLINE_S,
                batch_limit=SETTINGS.batch_limit,
            )
            for number in range(SETTINGS.provider_connections)
        ]
        for link in links:
            await link.start()
        side = Side(links)
        try:
            yield [Feeder(side.link(lot.lane), self.sql, lot.lane, self._columns(lot)) for lot in lots]
        finally:
            for link in links:
                await link.stop()

    def _columns(self, lot: Lot) -> list[list[Any]]:
        return rows.inserted(rows.columns(lot.signed))

    async def stored(self, streams: Sequence[int]) -> int:
        return _count(self.database, rows.COUNT, list(streams))


class Ingest(Insert):
    """signals.ingest itself."""

    sql = calls.INGEST

    def _columns(self, lot: Lot) -> list[list[Any]]:
        return rows.columns(lot.signed, self._session(lot.master))

    def _session(self, master: market.Master) -> UUID:
        row = self.database.execute(
            "select s.session_id, signals.open_stream(s.session_id, %s)"
            " from access.open_session(%s, decode(md5(%s), 'hex'), '127.0.0.1', 'bench', 'bench') as s",
            [master.stream, master.token, master.stream],
        ).fetchone()
        assert row is not None
        return cast("UUID", row[0])

    async def stored(self, streams: Sequence[int]) -> int:
        return _count(self.database, "select count(*) from signals.signals where stream_id = any(%s)", list(streams))


# Starting them --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ground:
    """Where they meet: a database that is deployed (its URL, and a superuser's connection), and what ends them."""

    url: str
    database: Database
    running: ExitStack


def _ours(ground: Ground) -> Contestant:
    served = ground.running.enter_context(serve.process(ground.url))
    return Plane(ground.database, [served.pid], served.port)


def _echo(ground: Ground) -> Contestant:
    process = ground.running.enter_context(_process("echo"))
    return Echo(ground.database, [process.pid], int(_line(process)))


def _redis_xadd(ground: Ground) -> Contestant:
    server = ground.running.enter_context(redis.server())
    listening = ground.running.enter_context(front(server.socket, "alone", checks="none"))
    return Xadd(ground.database, [server.pid, listening.pid], listening.port, server.socket, "alone")


def _redis_worker(ground: Ground) -> Contestant:
    server = ground.running.enter_context(redis.server())
    listening = ground.running.enter_context(front(server.socket, "signals", checks="all"))
    writer = ground.running.enter_context(_process("worker", server.socket, "signals", ground.url))
    assert _line(writer) == worker.READY.strip()
    assert writer.stdout is not None
    fcntl.fcntl(writer.stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    pids = [server.pid, listening.pid, writer.pid]
    return Worker(ground.database, pids, listening.port, server.socket, "signals", writer.stdout)


@contextmanager
def front(socket: str, key: str, *, checks: Literal["none", "all"]) -> Iterator[serve.Served]:
    """The process that takes frames for a Redis stream."""
    with _process("xadd", socket, key, checks) as process:
        yield serve.Served(int(_line(process)), process.pid)


def _bare_insert(ground: Ground) -> Contestant:
    return Insert(ground.database, ground.url)


def _sql_ingest(ground: Ground) -> Contestant:
    return Ingest(ground.database, ground.url)


START: dict[str, Callable[[Ground], Contestant]] = {
    "ours": _ours,
    "redis_worker": _redis_worker,
    "redis_xadd": _redis_xadd,
    "bare_insert": _bare_insert,
    "sql_ingest": _sql_ingest,
    "echo": _echo,
}
"""How each is started."""


@contextmanager
def _process(module: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-m", f"{PEER}.{module}", *arguments], stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.terminate()


def _line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _count(database: Database, query: str, streams: list[int]) -> int:
    row = database.execute(query.encode(), [streams]).fetchone()
    assert row is not None
    return int(row[0])
