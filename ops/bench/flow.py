"""The calls of the hot path one after the other, over a connection such as the gateway's, and what each kind costs the
server: without a wire, so that what is measured is the database's alone."""

import asyncio
import statistics
import time
from collections import defaultdict
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from gateway import calls, publishing
from gateway import ecp_pb2 as pb
from gateway.calls import Position
from gateway.client import now_us, sign
from gateway.fanout import FEED_LIMIT
from gateway.lanes import Link, connector
from ops.bench import market
from ops.bench.figures import percentile
from ops.errors import Refusal

DEADLINE_S = 3600.0
"""Nothing here is given up for taking long: that it does is what should be seen."""
STATEMENTS = [calls.INGEST, calls.HEADS, calls.ROUTES, calls.FEED, calls.DISPATCH, calls.REPORT, calls.NOTE_EQUITY]


@dataclass
class Kind:
    """Calls of one kind: of each round what the server computed (ns) and for how many items; of each call how long it
    took (ms)."""

    rounds: list[tuple[int, int]] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)
    wal: list[float] = field(default_factory=list)
    """Bytes of write-ahead log for one item, of each round. The first after a checkpoint has whole pages too."""

    @property
    def items(self) -> int:
        return sum(items for _, items in self.rounds)

    @property
    def ns_of_calls(self) -> float:
        """Nanoseconds of CPU of one call, on average."""
        return sum(ns for ns, _ in self.rounds) / len(self.latencies_ms)

    @property
    def wal_bytes(self) -> float:
        """Of one item, in the median round."""
        return round(statistics.median(self.wal), 1)

    @property
    def us(self) -> float:
        """Microseconds of the server's CPU for one item, in the median round."""
        return round(statistics.median(ns / items / 1000 for ns, items in self.rounds), 2)

    @property
    def p50_ms(self) -> float:
        return percentile(self.latencies_ms, 0.5)

    @property
    def p99_ms(self) -> float:
        return percentile(self.latencies_ms, 0.99)


class Flow:
    """All that there is in one database, driven."""

    def __init__(self, url: str, link: Link | None = None) -> None:
        self.kinds: defaultdict[str, Kind] = defaultdict(Kind)
        self._url = url
        self._link = link or Link("bench", connector(url, "ecp_gateway", "bench"), STATEMENTS, deadline=DEADLINE_S)
        self._turn = 0
        self._every: dict[str, float] = {}
        self.lanes: list[int] = []
        self.followed: list[int] = []
        self.plain: list[int] = []
        """Streams that nobody follows."""

    async def start(self) -> None:
        await self._link.start()
        self._admin = psycopg.connect(self._url, autocommit=True)
        self.look()

    def look(self) -> None:
        """Take note of what is there."""
        self.lanes = [lane for (lane,) in self._rows("select lane from core.lanes order by lane")]
        heads = self._rows("select lane, stream_id, session_id, last_seq from signals.stream_heads order by stream_id")
        self._sessions = {stream_id: session for _, stream_id, session, _ in heads}
        self._stream_lanes = {stream_id: lane for lane, stream_id, _, _ in heads}
        self._seqs = {stream_id: seq for _, stream_id, _, seq in heads}
        routes = self._rows("select distinct stream_id from signals.dispatch_cursors order by stream_id")
        self.followed = [stream_id for (stream_id,) in routes]
        self.plain = sorted(self._seqs.keys() - set(self.followed))

    async def stop(self) -> None:
        await self._link.stop()
        self._admin.close()

    def _rows(self, query: str) -> list[Any]:
        return self._admin.execute(query.encode()).fetchall()

    # What is measured

    async def ingest(self, streams: Sequence[int], *, count: int, size: int, kind: str = "ingest") -> None:
        """`count` calls of `size` signals, each call of one of these streams, which are taken in turn."""
        with self._round(kind) as measure:
            for _ in range(count):
                self._turn += 1
                stream_id = streams[self._turn % len(streams)]
                columns = self._signals(stream_id, size)
                lane = self._stream_lanes[stream_id]
                rows = await measure.call(self._link.call(lane, calls.INGEST, lane, *columns), size)
                verdicts = {row["verdict"] for row in rows}
                assert verdicts == {"ACCEPTED"}, f"{verdicts}: this is no measure of accepting"

    async def poll(self) -> dict[int, list[tuple[int, Position]]]:
        """What a gateway asks twice a second: where the streams stand, and the routes of each lane."""
        with self._round("poll") as measure:
            heads = await measure.call(self._poll(calls.HEADS), 1)
            routes = await measure.call(self._poll(calls.ROUTES), 0)
        self._heads = {row[0]: Position(*row) for _, row in heads}
        behind: dict[int, list[tuple[int, Position]]] = {lane: [] for lane in self.lanes}
        for lane, row in routes:
            behind[lane].append((row[0], Position(*row[1:])))
        return behind

    async def _poll(self, statement: str) -> list[Any]:
        """Of every lane, with the lane."""
        return [(lane, row) for lane in self.lanes for row in await self._link.call(lane, statement, lane)]

    async def dispatch(self, *, size: int, kind: str = "dispatch") -> list[tuple[int, Any]]:
        """All that was accepted, `size` signals in a call; the deliveries, with their lanes."""
        behind = await self.poll()
        fed: dict[int, list[Any]] = {lane: [] for lane in behind}
        after: dict[tuple[int, int], Position] = {}
        with self._round("feed") as measure:
            for lane, routes in behind.items():
                for stream_lane, reached in routes:
                    after[lane, reached.stream_id] = route = reached
                    while route < self._heads[route.stream_id]:
                        rows = await measure.call(calls.feed(self._link, stream_lane, [route], FEED_LIMIT), 0)
                        measure.items += len(rows)
                        fed[lane] += rows
                        route = Position(*rows[-1][:3])
        delivered: list[tuple[int, Any]] = []
        with self._round(kind) as measure:
            for lane, signals in fed.items():
                for start in range(0, len(signals), size):
                    chunk = signals[start : start + size]
                    newest = {row[0]: Position(*row[:3]) for row in chunk}
                    came = [after[lane, stream_id] for stream_id in newest]
                    rows = await measure.call(calls.dispatch(self._link, lane, came, chunk), 0)
                    measure.items += len(rows)
                    after.update({(lane, stream_id): position for stream_id, position in newest.items()})
                    delivered += [(lane, row) for row in rows]
        return delivered

    async def report(self, delivered: list[tuple[int, Any]], *, size: int, kind: str = "report") -> None:
        """That all of it was executed at once, `size` reports in a call."""
        of_lane: defaultdict[int, list[Any]] = defaultdict(list)
        for lane, row in delivered:
            of_lane[lane].append(row)
        with self._round(kind) as measure:
            for lane, rows in of_lane.items():
                for start in range(0, len(rows), size):
                    chunk = rows[start : start + size]
                    answer = await measure.call(
                        self._link.call(lane, calls.REPORT, lane, *_executed(chunk)), len(chunk)
                    )
                    verdicts = {row["verdict"] for row in answer}
                    assert verdicts == {"RECORDED"}, f"{verdicts}: this is no measure of recording"

    async def beat(self, *, size: int, kind: str = "beat") -> None:
        """A heartbeat of every account, `size` in a call."""
        now = now_us()
        with self._round(kind) as measure:
            for lane in self.lanes:
                found = self._rows(
                    "select h.session_id, s.portfolio_id, s.subscription_id from signals.subscriptions as s inner join"
                    f" signals.subscription_heads as h on h.subscription_id = s.subscription_id where s.lane = {lane}"
                )
                for start in range(0, len(found), size):
                    chunk = found[start : start + size]
                    sessions, portfolios, subscriptions = (list(column) for column in zip(*chunk, strict=True))
                    n = len(chunk)
                    told = [[10**12] * n, [10**12 + now % 10**9] * n, [now] * n, subscriptions, [0] * n, [0] * n]
                    beat = self._link.call(lane, calls.NOTE_EQUITY, lane, sessions, portfolios, *told)
                    answer = await measure.call(beat, n)
                    assert not any(row["code"] for row in answer), "refused, so this is no measure of heartbeats"

    async def jobs(self) -> None:
        """One run of everything that the clock does."""
        for name, call, every in self._rows("select name, call, extract(epoch from every) from ops.jobs order by name"):
            self._every[name] = float(every)
            with self._round(f"job {name}", self._admin.info.backend_pid) as measure:
                await measure.call(asyncio.to_thread(self._rows, f"select {call}()"), 1)

    @property
    def jobs_ms(self) -> dict[str, float]:
        """CPU of one run of each job."""
        return {name: round(self.kinds[f"job {name}"].us / 1000, 2) for name in self._every}

    def jobs_share(self, *but: str) -> float:
        """Of one core, what the jobs, `but` these, take together when each runs as often as it is due."""
        return round(sum(ms / 1000 / self._every[name] for name, ms in self.jobs_ms.items() if name not in but), 5)

    # How

    def _round(self, kind: str, pid: int | None = None) -> "Round":
        return Round(self.kinds[kind], pid or self._link.pid, self._wal)

    def _wal(self) -> int:
        """Bytes that the whole server has written."""
        ((written,),) = self._rows("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
        return int(written)

    def _signals(self, stream_id: int, count: int) -> list[list[Any]]:
        first = self._seqs[stream_id] + 1
        self._seqs[stream_id] += count
        signed = [sign(market.KEY, _signal(stream_id, seq)) for seq in range(first, first + count)]
        signals = publishing.read(stream_id, signed)
        return publishing.columns(self._sessions[stream_id], stream_id, signed, signals, received_us=now_us())


class Round:
    """Measures calls until it is left; then they count."""

    def __init__(self, kind: Kind, pid: int, wal: Any) -> None:
        self.items = 0
        self._kind = kind
        self._pid = pid
        self._wal = wal
        self._ns = 0
        self._latencies: list[float] = []

    def __enter__(self) -> "Round":
        self._began = self._wal()
        return self

    def __exit__(self, *_: object) -> None:
        if self.items:
            self._kind.rounds.append((self._ns, self.items))
            self._kind.latencies_ms += self._latencies
            self._kind.wal.append((self._wal() - self._began) / self.items)

    async def call(self, work: Awaitable[list[Any]], items: int) -> list[Any]:
        used, began = _used_ns(self._pid), time.perf_counter()
        rows = await work
        self._latencies.append((time.perf_counter() - began) * 1000)
        self._ns += _used_ns(self._pid) - used
        self.items += items
        return rows


def _used_ns(pid: int) -> int:
    """What the server process has computed so far."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
    except OSError as error:
        raise Refusal(
            "TRD09", f"the server's processes cannot be seen from here: {error}", "measure on the machine of the server"
        ) from error


def _signal(stream_id: int, seq: int) -> pb.Signal:
    """The openings and closes of one position after the other."""
    return pb.Signal(
        stream_id=stream_id,
        epoch=1,
        seq=seq,
        action=pb.OPEN if seq % 2 else pb.CLOSE,
        symbol=market.SYMBOL,
        side=pb.BUY,
        position_id=(seq + 1) // 2,
        volume_e8=10_000_000,
        price_e8=107_219_000,
        stop_loss_e8=106_900_000,
        take_profit_e8=107_900_000,
        sent_at_us=now_us(),
    )


def _executed(rows: Sequence[Any]) -> list[list[Any]]:
    """All arguments of signals.report but the lane."""
    now = now_us()
    reports = [
        (
            row["session_id"],
            row["subscription_id"],
            row["delivery_seq"],
            "EXECUTED",
            None,
            row["position_id"],
            row["price_e8"],
            market.FOLLOWER_VOLUME_E8,
            now,
            now,
        )
        for row in rows
    ]
    return [list(column) for column in zip(*reports, strict=True)]
