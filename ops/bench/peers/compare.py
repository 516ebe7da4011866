"""`ecp bench ingest --peers`: the same signals into the plane, into the pipeline that it is compared with, and into
parts of both by themselves, in turns, since a shared machine changes by the minute."""

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, fields
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
import uvloop

from ops import scratch
from ops.bench import cpu, load, market, plot, prepared
from ops.bench.figures import Figures, percentile, table
from ops.bench.peers import contestants, rows
from ops.bench.peers.contestants import Contestant, Database, Lot
from ops.postgres import Stack
from ops.postgres.embedded import binaries

MASTERS = 16
TTL_MS = 600_000
"""Signals are signed before they are sent, so that their age is none of this bench's business."""
WARM_UP_S = 0.5
NAMES = tuple(contestants.START)


@dataclass(frozen=True)
class Peer:
    """One contestant: medians of the rounds."""

    rate: float
    """Signals a second when answers alone set the pace: the most that comes through."""
    p50_ms: float
    """From when a signal was due to its answer, at the rate that was offered."""
    p99_ms: float
    cpu_us: float
    """CPU of a signal at `rate`, over all processes but the generator's."""
    answered: int
    """Over all rounds, the warm-up included."""
    stored: int
    """Of these, what was found where it is kept; for the echo, what came back."""


@dataclass(frozen=True)
class Pipeline(Peer):
    """The peer with a worker: rate and latencies are those of the row in Postgres; beside them those of the ack."""

    ack_rate: float
    ack_p50_ms: float
    ack_p99_ms: float


@dataclass(frozen=True)
class Floor:
    """pgbench, which is not offered anything: one row and one commit after the other, at full speed."""

    rate: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Result(Figures):
    """Peers beside the plane. `ratios`: the plane's rate divided by theirs."""

    offered_rate: float
    seconds: float
    rounds: int
    ours: Peer
    sql_ingest: Peer
    """signals.ingest, fed without TCP and gateway."""
    redis_worker: Pipeline
    """TCP → signature and sequence → XADD → ack; a worker that writes Postgres."""
    redis_xadd: Peer
    """TCP → XADD → ack, no checks."""
    bare_insert: Peer
    """Insert of the same rows, fed without TCP and gateway."""
    pgbench_floor: Floor
    echo: Peer
    """TCP → the same bytes back: the ceiling of loop and generator."""
    ratios: dict[str, float]
    sql_ratio: float
    """sql_ingest ÷ bare_insert: what validation costs inside Postgres."""

    def plot(self, path: Path) -> None:
        """Rates, and latencies at the rate that was offered, as SVG."""
        peers = {name: getattr(self, name) for name in NAMES}
        plot.write(
            path,
            f"ecp bench ingest --peers: medians of {self.rounds} rounds",
            [
                plot.Panel("signals a second, as fast as answers allow", [(n, [p.rate]) for n, p in peers.items()]),
                plot.Panel(
                    f"p50 and p99 (ms) at {self.offered_rate:,.0f} signals a second",
                    [(name, [peer.p50_ms, peer.p99_ms]) for name, peer in peers.items()],
                ),
            ],
        )

    def lines(self) -> Iterator[str]:
        yield (
            f"{self.rounds} rounds in turns; latencies at {self.offered_rate:g} signals/s for {self.seconds:g} s, "
            "rate as fast as answers allow"
        )
        peers = {name: getattr(self, name) for name in NAMES}
        peers["pgbench_floor"] = self.pgbench_floor
        yield from table(
            ["", "signals/s", "p50 ms", "p99 ms", "CPU µs", "ours ÷ it"],
            [
                [name, f"{one.rate:,.0f}", f"{one.p50_ms:.1f}", f"{one.p99_ms:.1f}",
                 f"{one.cpu_us:.1f}" if isinstance(one, Peer) else "", f"{self.ratios.get(name, 1):.2f}"]
                for name, one in peers.items()
            ],
        )  # fmt: skip
        theirs = self.redis_worker
        yield (
            f"redis_worker acks before Postgres has it: {theirs.ack_rate:,.0f}/s, "
            f"p50 {theirs.ack_p50_ms:.1f} ms, p99 {theirs.ack_p99_ms:.1f} ms"
        )
        yield f"signals.ingest ÷ bare insert, neither with TCP: {self.sql_ratio:.2f}"


@dataclass
class Turn:
    """One contestant in one round."""

    answered: int = 0
    stored: int = 0
    latencies_ms: list[float] = field(default_factory=list)
    ack_latencies_ms: list[float] = field(default_factory=list)
    rate: float = 0.0
    ack_rate: float = 0.0
    cpu_us: float = 0.0


def run(stack: Stack, *, rate: float, seconds: float, rounds: int) -> Result:
    """All contestants; the signals of `rate` for `seconds`, once as they are due, once as fast as answers allow."""
    url = scratch.database(stack, "ecp_bench")
    turns, floors = measure(url, NAMES, rate=rate, seconds=seconds, rounds=rounds, floor=True)
    peers = {name: _peer(turns[name]) for name in NAMES if name != "redis_worker"}
    pipeline = _pipeline(turns["redis_worker"])
    floor = Floor(**{each.name: median(getattr(one, each.name) for one in floors) for each in fields(Floor)})
    rates = {name: one.rate for name, one in (peers | {"redis_worker": pipeline}).items()} | {
        "pgbench_floor": floor.rate
    }
    return Result(
        offered_rate=rate,
        seconds=seconds,
        rounds=rounds,
        **peers,
        redis_worker=pipeline,
        pgbench_floor=floor,
        ratios={name: round(rates["ours"] / theirs, 3) for name, theirs in rates.items() if name != "ours" and theirs},
        sql_ratio=round(rates["sql_ingest"] / rates["bare_insert"], 3),
    )


def measure(
    url: str, names: Sequence[str], *, rate: float, seconds: float, rounds: int, floor: bool = False
) -> tuple[dict[str, list[Turn]], list[Floor]]:
    """The turns of those contestants in a database that is deployed; pgbench's too, if it shall show the floor."""
    turns: dict[str, list[Turn]] = {name: [] for name in names}
    floors: list[Floor] = []
    with psycopg.connect(url, autocommit=True) as connection, ExitStack() as running:
        rows.create(connection)
        running.callback(rows.drop, connection)
        ground = contestants.Ground(url, connection, running)
        made = {name: contestants.START[name](ground) for name in names}
        for number in range(rounds):
            first = number % len(names)
            for name in [*names[first:], *names[:first]]:
                turns[name].append(uvloop.run(_turn(made[name], connection, rate, seconds)))
            if floor:
                floors.append(_floor(url, seconds))
    return turns, floors


def _peer(turns: Sequence[Turn]) -> Peer:
    return Peer(**_medians(turns))


def _pipeline(turns: Sequence[Turn]) -> Pipeline:
    return Pipeline(
        **_medians(turns),
        ack_rate=round(median(turn.ack_rate for turn in turns), 1),
        ack_p50_ms=median(percentile(turn.ack_latencies_ms, 0.5) for turn in turns),
        ack_p99_ms=median(percentile(turn.ack_latencies_ms, 0.99) for turn in turns),
    )


def _medians(turns: Sequence[Turn]) -> dict[str, Any]:
    return {
        "rate": round(median(turn.rate for turn in turns), 1),
        "p50_ms": median(percentile(turn.latencies_ms, 0.5) for turn in turns),
        "p99_ms": median(percentile(turn.latencies_ms, 0.99) for turn in turns),
        "cpu_us": round(median(turn.cpu_us for turn in turns), 1),
        "answered": sum(turn.answered for turn in turns),
        "stored": sum(turn.stored for turn in turns),
    }


# A turn ---------------------------------------------------------------------------------------------------


async def _turn(contestant: Contestant, database: Database, rate: float, seconds: float) -> Turn:
    total = round(rate * seconds)
    warm = max(MASTERS, round(rate * WARM_UP_S))
    masters = market.masters(database, MASTERS, ttl_ms=TTL_MS)
    each = (warm + 2 * total) // MASTERS + 50  # the offer deals evenly, but for the last few
    lots = [Lot(one, _lane(database, one.stream_id), prepared.signals(one.stream_id, each)) for one in masters]
    turn = Turn()
    async with contestant.connect(lots) as sources:
        warmed = await prepared.saturate(sources, warm)
        await contestant.settled()

        tally = await load.offer(sources, rate, seconds)
        turn.ack_latencies_ms = tally.latencies_ms
        turn.latencies_ms = await contestant.settled() or tally.latencies_ms

        processes = contestant.processes()
        before = cpu.seconds(processes)
        found = await prepared.saturate(sources, total)
        await contestant.settled()
        turn.ack_rate = found.rate
        turn.rate = found.answered / (max(found.ended, contestant.last) - found.began) if found.answered else 0.0
        turn.cpu_us = (cpu.seconds(processes) - before) / max(found.answered, 1) * 1e6
        turn.answered = contestant.greeted * MASTERS + warmed.answered + len(tally.latencies_ms) + found.answered
        turn.stored = await contestant.stored([one.stream_id for one in masters])
    return turn


def _lane(database: Database, stream_id: int) -> int:
    row = database.execute("select lane from signals.streams where stream_id = %s", [stream_id]).fetchone()
    assert row is not None
    return int(row[0])


# The floor ------------------------------------------------------------------------------------------------


def _floor(url: str, seconds: float) -> Floor:
    """pgbench over as many connections as the gateway's provider side, a row and a commit at a time."""
    with tempfile.TemporaryDirectory() as folder:
        script, log = Path(folder) / "floor.sql", Path(folder) / "log"
        script.write_text("insert into bench.floor (at) values (clock_timestamp());\n")
        command = [
            str(binaries() / "pgbench"), "--no-vacuum", "--protocol=prepared", f"--file={script}",
            f"--client={contestants.SETTINGS.provider_connections}", f"--time={max(1, round(seconds / 2))}",
            "--log", f"--log-prefix={log}", url,
        ]  # fmt: skip
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        # client, transaction, microseconds, script, and when it ended: seconds, microseconds
        lines = [line.split() for file in Path(folder).glob("log*") for line in file.read_text().splitlines()]
    ended = [int(line[4]) + int(line[5]) / 1e6 for line in lines]
    latencies = [int(line[2]) / 1000 for line in lines]
    rate = len(lines) / (max(ended) - min(ended))
    return Floor(rate=round(rate, 1), p50_ms=percentile(latencies, 0.5), p99_ms=percentile(latencies, 0.99))
