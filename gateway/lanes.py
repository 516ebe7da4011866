"""Natural batching over a few database connections, and what happens when the database is away.

A link is one connection and serves some lanes. Whatever of one kind waits for a lane when its link is free goes as
one call of parallel arrays; so batches grow with the load, without a timer. Within a lane, each kind keeps its order
of arrival, and a single call keeps its place among all of them.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from time import monotonic
from typing import Any, Protocol, TypeAlias

import asyncpg
import structlog

from gateway import calls
from gateway.errors import Refused
from gateway.meters import Meter
from gateway.tasks import begin, end
from gateway.traces import TRACES

log = structlog.get_logger(__name__)

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Connect: TypeAlias = Callable[[], Awaitable[Connection]]

LOST = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What a connection to the database, or the attempt at one, may end with."""

AWAY = "TRD01"
UNKNOWN = "TRD02"

# A server that comes back is noticed within these, and it must be within five seconds.
CONNECT_TIMEOUT = 1.0
BACKOFF = (0.05, 0.1, 0.2, 0.5)
CLOSE_TIMEOUT = 1.0
# How often the server may give up on a batch and its parts before what is left of it is refused: enough to find one
# among sixteen that takes too long, and those behind it on the link still get their turn.
TIMEOUTS = 5
# The server gives up on a call so much earlier than the gateway: a call that is merely slow has a known outcome.
HEADSTART = 0.05


class Job(Protocol):
    """A part of a batch: what one frame asked for."""

    @property
    def may_go(self) -> bool:
        """Whether it still makes sense when its turn has come; if not it is refused."""

    def done(self, rows: Sequence[Any]) -> None:
        """A row for each element, in order; they are committed."""

    def refused(self, code: str) -> None:
        """Nothing was decided (TRD01), or nobody knows (TRD02)."""


class Batch:
    """A call of parallel arrays that may still grow: arguments are the lane and the columns."""

    __slots__ = ("columns", "jobs", "lane", "read", "since", "size", "sql")

    def __init__(self, sql: str, lane: int, columns: list[list[Any]], job: Job, *, read: float, since: float) -> None:
        self.read, self.since = read, since
        """When its first frame came, and when it began to wait. The loop's own clock stands still between its turns."""
        self.sql = sql
        self.lane = lane
        self.columns = columns
        self.size = len(columns[0])
        self.jobs = [(job, self.size)]

    def add(self, columns: list[list[Any]], job: Job) -> None:
        for column, more in zip(self.columns, columns, strict=True):
            column.extend(more)
        size = len(columns[0])
        self.size += size
        self.jobs.append((job, size))

    def arguments(self) -> tuple[Any, ...]:
        return (self.lane, *self.columns)

    def done(self, rows: Sequence[Any]) -> None:
        start = 0
        for job, size in self.jobs:
            job.done(rows[start : start + size])
            start += size

    def refused(self, code: str) -> None:
        for job, _ in self.jobs:
            job.refused(code)

    def sift(self) -> "Batch | None":
        """What of it may go, when its turn has come; the rest is refused."""
        if all(job.may_go for job, _ in self.jobs):
            return self
        going: Batch | None = None
        for part in self._parts():
            job = part.jobs[0][0]
            if not job.may_go:
                job.refused(AWAY)
            elif going is None:
                going = part
            else:
                going.add(part.columns, job)
        return going

    def split(self) -> "list[Batch]":
        """Each job by itself, so that one that the database chokes on takes nobody along."""
        return self._parts() if len(self.jobs) > 1 else []

    def _parts(self) -> "list[Batch]":
        batches, start = [], 0
        for job, size in self.jobs:
            columns = [column[start : start + size] for column in self.columns]
            batches.append(Batch(self.sql, self.lane, columns, job, read=self.read, since=self.since))
            start += size
        return batches

    def halve(self) -> "list[Batch]":
        """For a batch that was too much at once."""
        halves: list[Batch] = []
        parts = self.split()
        for number, part in enumerate(parts):
            if number in {0, len(parts) // 2}:
                halves.append(part)
            else:
                halves[-1].add(part.columns, part.jobs[0][0])
        return halves


class Single:
    """A call of its own, awaited by one caller."""

    __slots__ = ("_arguments", "answer", "lane", "since", "sql")

    def __init__(
        self, sql: str, lane: int, arguments: tuple[Any, ...], answer: "asyncio.Future[list[Any]]", *, since: float
    ) -> None:
        self.since = since
        self.sql = sql
        self.lane = lane
        self.answer = answer
        self._arguments = arguments

    def arguments(self) -> tuple[Any, ...]:
        return self._arguments

    def done(self, rows: list[Any]) -> None:
        if not self.answer.done():
            self.answer.set_result(rows)

    def refused(self, code: str) -> None:
        if not self.answer.done():
            self.answer.set_exception(Refused(code))

    def sift(self) -> "Single":
        return self

    def split(self) -> list[Batch]:
        return []

    def halve(self) -> list[Batch]:
        return []


class Link:
    """One connection, kept up by itself. While it is down everything is refused at once."""

    def __init__(
        self, name: str, connect: Connect, statements: Sequence[str], *, deadline: float, batch_limit: int = 500
    ) -> None:
        """`statements` are those that may be called, prepared on every connection before it counts as up.
        A call that takes longer than `deadline` (seconds) is given up, and the connection with it."""
        self.name = name
        self.pid = 0
        self.took = 0.0
        """Seconds in the database of the call answered last; still true when its caller wakes up."""
        self.is_busy = False
        """Whether the database is at a call."""
        self._up = asyncio.Event()
        self._connect = connect
        self._sql = statements
        self._deadline = deadline
        self._limit = batch_limit
        self._queue: deque[Batch | Single] = deque()
        self._open: dict[int, dict[str, Batch]] = {}
        """By lane and SQL: batches that still wait."""
        self._wake = asyncio.Event()
        self._meters = {sql: Meter(sql) for sql in statements}
        self._statements: dict[str, asyncpg.prepared_stmt.PreparedStatement[asyncpg.Record]] = {}
        self._warned = False
        self._timeouts = 0
        self._tasks: list[asyncio.Task[None]] = []

    # What callers see

    @property
    def up(self) -> bool:
        return self._up.is_set()

    @property
    def waited(self) -> float:
        """Seconds for which the batch whose turn is next has waited; whatever comes now will wait about as long."""
        first = self._queue[0] if self._queue else None
        return monotonic() - first.since if isinstance(first, Batch) else 0.0

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""
        return len(self._queue)

    async def until_up(self) -> None:
        await self._up.wait()

    def submit(self, sql: str, lane: int, columns: list[list[Any]], job: Job, read: float | None = None) -> None:
        """Let `job` ride in the next batch of `sql` for `lane`. The columns become the batch's own. `read`: when its
        bytes came."""
        if not self.up:
            job.refused(AWAY)
            return
        batches = self._open.setdefault(lane, {})
        batch = batches.get(sql)
        if batch is not None and batch.size < self._limit:
            batch.add(columns, job)
            return
        now = monotonic()
        batches[sql] = batch = Batch(sql, lane, columns, job, read=now if read is None else read, since=now)
        self._queue.append(batch)
        self._wake.set()

    def call(self, lane: int, sql: str, *arguments: Any) -> "asyncio.Future[list[Any]]":
        """One call, in its turn among the lane's batches; raises Refused."""
        answer: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        single = Single(sql, lane, arguments, answer, since=monotonic())
        if not self.up:
            single.refused(AWAY)
            return answer
        self._open.pop(lane, None)  # what comes later must not overtake
        self._queue.append(single)
        self._wake.set()
        return answer

    async def start(self) -> None:
        """Connect, or raise what keeps us from it; from then on the link looks after itself."""
        connection = await self._open_connection()
        self._tasks = [begin(self._run(connection), f"link {self.name}")]

    async def stop(self) -> None:
        await end(self._tasks)

    # The connection's life

    async def _open_connection(self) -> Connection:
        connection = await self._connect()
        try:
            self._statements = {sql: await connection.prepare(sql, timeout=CONNECT_TIMEOUT) for sql in self._sql}
            # A function plans its statements in its first call, which may take longer than a call should:
            # let that be a call about nothing.
            for statement in self._statements.values():
                await statement.fetch(*(None for _ in statement.get_parameters()), timeout=CONNECT_TIMEOUT)
            patience = self._deadline - HEADSTART
            await connection.execute(calls.SET_TIMEOUTS, str(int(patience * 1000)), timeout=CONNECT_TIMEOUT)
        except BaseException:
            connection.terminate()
            raise
        self.pid = connection.get_server_pid()
        self._up.set()
        return connection

    async def _run(self, connection: Connection) -> None:
        while True:
            try:
                await self._serve(connection)
            finally:
                self._up.clear()
                await self._part(connection)
            log.warning("database away", link=self.name)
            connection = await self._reconnect()
            log.info("database back", link=self.name)

    async def _reconnect(self) -> Connection:
        attempt = 0
        while True:
            try:
                return await self._open_connection()
            except LOST as error:
                log.debug("database still away", link=self.name, error=repr(error))
            await asyncio.sleep(BACKOFF[min(attempt, len(BACKOFF) - 1)])
            attempt += 1

    async def _part(self, connection: Connection) -> None:
        """Refuse what waits, then close: politely for a moment, since a close can hang with its server."""
        self._open.clear()
        self.is_busy = False
        while self._queue:
            self._queue.popleft().refused(AWAY)
        if not connection.is_closed():
            try:
                await connection.close(timeout=CLOSE_TIMEOUT)
            except LOST:
                connection.terminate()

    async def _serve(self, connection: Connection) -> None:
        """Call after call, until the connection is lost."""
        connection.add_termination_listener(lambda _: self._wake.set())
        connection.add_log_listener(self._on_notice)
        while True:
            while not self._queue:
                self.is_busy = False
                self._wake.clear()
                if connection.is_closed():
                    return
                await self._wake.wait()
            call, self.is_busy = self._queue.popleft(), True
            waiting = self._open.get(call.lane)
            if waiting is not None and waiting.get(call.sql) is call:
                del waiting[call.sql]
            self._timeouts = 0
            going = call.sift()
            if going and not await self._execute(connection, going):
                return

    async def _execute(self, connection: Connection, call: Batch | Single) -> bool:
        """Answers or refuses `call`; False when the connection is of no more use."""
        self._warned = False
        began = monotonic()
        try:
            rows = await self._statements[call.sql].fetch(*call.arguments(), timeout=self._deadline)
        except (asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError):
            # The server's own timeouts, which are off before a commit begins: nothing was done.
            log.warning("call took too long", link=self.name, sql=call.sql)
            self._timeouts += 1
            halves = call.halve()
            if halves:
                await self._execute_all(connection, halves)
            else:
                call.refused(AWAY)
            return not connection.is_closed()
        except (asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError):
            # A server that shuts down may do so in the middle of a commit.
            call.refused(UNKNOWN)
            self._abandon(connection)
            return False
        except (asyncpg.InvalidCachedStatementError, asyncpg.OutdatedSchemaCacheError):
            # Deployed over while connected: the next connection prepares everything anew.
            call.refused(AWAY)
            return False
        except asyncpg.PostgresError as error:
            await self._choked(connection, call, error)
            return not connection.is_closed()
        except LOST as error:
            log.warning("call got no answer", link=self.name, sql=call.sql, error=repr(error))
            call.refused(UNKNOWN)
            self._abandon(connection)
            return False
        except BaseException:
            call.refused(UNKNOWN)
            raise
        committed = monotonic()
        self.took = committed - began
        meter = self._meters[call.sql]
        meter.executed(call.since, began, committed)
        if self._warned:
            # The wait for a synchronous standby was cancelled: committed here, but perhaps not there.
            call.refused(UNKNOWN)
        else:
            self._answer(call, rows)
            if isinstance(call, Batch):
                answered = monotonic()
                meter.answered(rows, call.read, call.since, committed, answered)
                if TRACES.recorder and call.sql == calls.INGEST:
                    TRACES.recorder.ingested(
                        call.columns, rows, read=call.read, since=call.since, began=began, committed=committed,
                        answered=answered,
                    )  # fmt: skip
        return True

    def _answer(self, call: Batch | Single, rows: list[Any]) -> None:
        try:
            call.done(rows)
        except Exception:
            # The link serves everybody: a bug in one kind of answer must not take it down.
            log.exception("answer failed", link=self.name, sql=call.sql)

    async def _choked(self, connection: Connection, call: Batch | Single, error: asyncpg.PostgresError) -> None:
        """The transaction was rolled back, so its jobs may be tried again one by one."""
        parts = call.split()
        if not parts:
            log.error("call failed", link=self.name, sql=call.sql, sqlstate=error.sqlstate, error=str(error))
            sqlstate = error.sqlstate or AWAY
            call.refused(sqlstate if sqlstate.startswith("TR") else AWAY)
            return
        await self._execute_all(connection, parts)

    async def _execute_all(self, connection: Connection, parts: Iterable[Batch]) -> None:
        """Parts of a call, one after the other; the rest is refused when there is no use in going on."""
        waiting = deque(parts)
        try:
            while waiting and self._timeouts < TIMEOUTS:
                going = waiting.popleft().sift()
                if going and not await self._execute(connection, going):
                    return
        finally:
            for part in waiting:
                part.refused(AWAY)

    def _abandon(self, connection: Connection) -> None:
        """Refuse whatever waits before anything else is awaited; a hung server is not waited for."""
        self._up.clear()
        self._open.clear()
        while self._queue:
            self._queue.popleft().refused(AWAY)
        connection.terminate()

    def _on_notice(self, _: Any, message: asyncpg.PostgresLogMessage) -> None:
        if message.severity_en == "WARNING":
            self._warned = True


class Side:
    """The links that share one kind of work; a lane always takes the same one."""

    def __init__(self, links: Sequence[Link]) -> None:
        self.links = links

    def link(self, lane: int) -> Link:
        return self.links[lane % len(self.links)]


def connector(url: str, role: str, name: str) -> Connect:
    """How the connections called `name` are made."""
    settings = {
        "application_name": f"ecp gateway {name}",
        "role": role,
        "idle_in_transaction_session_timeout": "5000",
    }

    async def connect() -> Connection:
        return await asyncpg.connect(url, timeout=CONNECT_TIMEOUT, server_settings=settings)

    return connect


async def keep(name: str, connect: Connect, work: Callable[[Connection], Awaitable[None]], pause: float) -> None:
    """Do `work`, which does not end, on a connection; and on another, `pause` seconds after that one was lost."""
    while True:
        try:
            connection = await connect()
        except LOST as error:
            log.debug("database still away", link=name, error=repr(error))
        else:
            try:
                await work(connection)
            except LOST as error:
                log.warning("database away", link=name, error=repr(error))
            finally:
                connection.terminate()
        await asyncio.sleep(pause)
