"""`ecp bench capacity`: what one operation costs, by a fit to few measurements; whether that predicts a plane that it
was not fitted to; and what follows for so and so many subscribers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psycopg
import uvloop

from ops import scratch
from ops.bench import growth, market, resident
from ops.bench.figures import Figures
from ops.bench.flow import Flow
from ops.errors import Refusal
from ops.postgres import External, Stack
from ops.serve import gateway

SMALL, LARGE, UNSEEN = 160, 1_600, 800
"""Subscriptions to one stream: of the two planes that are fitted, and of the one that is predicted."""
FEW, MANY, SOME = 5, 50, 20
"""Signals or reports in a call, likewise."""
CONNECTIONS = 1_000
ALLOWED = 0.2
SUBSCRIBERS = [1_000, 10_000, 1_000_000]
SECONDS = 86_400

# What signals, decisions and reports make longer.
TABLES = {
    "signal": ["signals.signals"],
    "decision": ["signals.decisions", "signals.copies", "billing.holds"],
    "report": ["signals.reports", "billing.transfers", "billing.fills"],
}


@dataclass(frozen=True)
class Behaviour:
    """Of those who use the plane: assumed, not measured."""

    followers: int = 100
    """Of a stream."""
    signals_a_day: int = 50
    """Of a stream; each is copied and reported by all of its followers."""
    peak: float = 10.0
    """Times the average of the day, in its busiest minutes."""
    beat_s: float = 5.0
    batch: int = 20
    """Signals, reports or heartbeats in a call, at most; a dispatch is for one signal and one lane."""
    lanes: int = 4


@dataclass(frozen=True)
class Cost:
    """CPU (µs) of a call and of each item in it; bytes of write-ahead log and of disk, with indexes, for an item."""

    call_us: float
    item_us: float
    wal_bytes: float
    disk_bytes: float

    def us(self, items: float) -> float:
        """Of a call with so many items."""
        return self.call_us + self.item_us * items


@dataclass(frozen=True)
class Check:
    """A plane that was not used to fit: milliseconds of CPU for one round of it."""

    operation: str
    items: int
    calls: int
    predicted_ms: float
    measured_ms: float

    @property
    def off(self) -> float:
        """By how much the prediction was wrong, as a share of what was measured."""
        return self.predicted_ms / self.measured_ms - 1


@dataclass(frozen=True)
class Need:
    """What so many subscribers need of Postgres, at the peak; and on disk for each day."""

    subscribers: int
    streams: int
    signals_s: float
    decisions_s: float
    beats_s: float
    cores: float
    wal_mb_s: float
    disk_gb_day: float
    gateway_gb: float


@dataclass(frozen=True)
class Result(Figures):
    """Costs by operation, the check of them, and what they mean."""

    behaviour: Behaviour
    costs: dict[str, Cost]
    jobs_us: float
    """CPU of all jobs but the seal, for each subscription and second."""
    seal_us: float
    """CPU of sealing, for each signal, decision and report."""
    connection_kb: float
    """Of the gateway's memory, for each subscriber's connection."""
    checks: list[Check]
    needs: list[Need]

    @property
    def off(self) -> float:
        """By how much the prediction of the whole round was wrong, as a share of what was measured."""
        predicted = sum(check.predicted_ms for check in self.checks)
        return round(predicted / sum(check.measured_ms for check in self.checks) - 1, 3)

    def lines(self) -> Iterator[str]:
        yield "| operation | µs a call | µs each | WAL bytes each | disk bytes each |"
        yield "|---|---|---|---|---|"
        for name, cost in self.costs.items():
            yield f"| {name} | {cost.call_us:.0f} | {cost.item_us:.1f} | {cost.wal_bytes:.0f} | {cost.disk_bytes:.0f} |"
        yield ""
        yield (
            f"The seal: {self.seal_us:.1f} µs for each signal, decision and report. "
            f"All other jobs: {self.jobs_us:.1f} µs for each subscription and second. "
            f"The gateway: {self.connection_kb:.0f} kB for each subscriber's connection."
        )
        yield ""
        yield f"| {UNSEEN} subscriptions, not used to fit | items | calls | predicted ms | measured ms | off by |"
        yield "|---|---|---|---|---|---|"
        for check in self.checks:
            yield (
                f"| {check.operation} | {check.items} | {check.calls} "
                f"| {check.predicted_ms:.0f} | {check.measured_ms:.0f} | {check.off:+.0%} |"
            )
        verdict = "within" if abs(self.off) <= ALLOWED else "not within"
        yield f"| all | | | | | {self.off:+.0%}, {verdict} {ALLOWED:.0%} |"
        yield ""
        yield (
            "| subscribers | streams | signals/s | decisions/s | heartbeats/s "
            "| cores of Postgres | WAL MB/s | disk GB a day | gateway GB |"
        )
        yield "|---|---|---|---|---|---|---|---|---|"
        for need in self.needs:
            yield (
                f"| {need.subscribers:,} | {need.streams:,} | {need.signals_s:.1f} | {need.decisions_s:,.0f} "
                f"| {need.beats_s:,.0f} | {need.cores:.2f} | {need.wal_mb_s:.2f} | {need.disk_gb_day:.2f} "
                f"| {need.gateway_gb:.2f} |"
            )


def run(stack: Stack, *, rounds: int, behaviour: Behaviour | None = None) -> Result:
    """Three planes in databases of their own, measured in turns: two to fit, one to predict."""
    if isinstance(stack, External):
        raise Refusal("TRD09", "capacity makes databases of its own", "measure a stack of this checkout: --stack")
    sizes = [SMALL, LARGE, UNSEEN]
    names = [f"ecp_bench_capacity_{size}" for size in sizes]
    try:
        urls = [growth.prepare(stack, name, 10_000, 10, size, 1) for name, size in zip(names, sizes, strict=True)]
        connection_kb = _connection_kb(stack)
        return uvloop.run(_measure(urls, rounds, behaviour or Behaviour(), connection_kb))
    finally:
        for name in names:
            scratch.drop(stack, name)


def _connection_kb(stack: Stack) -> float:
    url = scratch.database(stack, "ecp_bench")
    with psycopg.connect(url, autocommit=True) as connection:
        (master,) = market.masters(connection, 1, ttl_ms=5_000)
        followers = market.followers(connection, CONNECTIONS, master.stream_id)
    with gateway(url) as port:
        return uvloop.run(resident.connection_kb(port, followers))


async def _measure(urls: Sequence[str], rounds: int, behaviour: Behaviour, connection_kb: float) -> Result:
    flows = [Flow(url) for url in urls]
    calls = [FEW, MANY, SOME]
    for flow in flows:
        await flow.start()
    disk: dict[str, float] = {}
    for number in range(1 + rounds):
        for flow, size in zip(flows, calls, strict=True):
            if number == 0:
                await _round(flow, size)
                flow.kinds.clear()  # it made the plans and filled the caches
            else:
                before = _bytes(urls[1])
                await _round(flow, size)
                if flow is flows[1]:
                    grown = {name: size - before[name] for name, size in _bytes(urls[1]).items()}
                    disk = {name: disk.get(name, 0.0) + grown[name] for name in grown}
    small, large, unseen = flows
    each = {"signal": "ingest", "decision": "dispatch", "report": "report", "heartbeat": "beat"}
    costs = {
        name: _fit(small, large, kind, disk.get(name, 0.0) / large.kinds[kind].items) for name, kind in each.items()
    }
    checks = []
    for name, kind in each.items():
        found = unseen.kinds[kind]
        count = len(found.latencies_ms)
        predicted = costs[name].us(found.items / count) * count
        checks.append(
            Check(
                name,
                found.items // rounds,
                count // rounds,
                predicted / rounds / 1e3,
                found.ns_of_calls * count / rounds / 1e6,
            )
        )
    kinds = ["ingest", "followed", "dispatch", "report"]
    written = [sum(flow.kinds[kind].items for kind in kinds) / rounds for flow in flows]
    seal_us = (large.jobs_ms["seal"] - small.jobs_ms["seal"]) * 1e3 / (written[1] - written[0])
    jobs_us = (large.jobs_share("seal") - small.jobs_share("seal")) * 1e6 / (LARGE - SMALL)
    for flow in flows:
        await flow.stop()
    return Result(
        behaviour=behaviour,
        costs=costs,
        jobs_us=round(jobs_us, 2),
        seal_us=round(seal_us, 2),
        connection_kb=connection_kb,
        checks=checks,
        needs=[need(count, behaviour, costs, jobs_us, seal_us, connection_kb) for count in SUBSCRIBERS],
    )


async def _round(flow: Flow, size: int) -> None:
    await flow.jobs()
    await flow.ingest(flow.plain, count=1_000 // size, size=size)
    await flow.beat(size=size)
    await flow.ingest(flow.followed, count=2, size=2, kind="followed")
    await flow.report(await flow.dispatch(size=1), size=size)


def _fit(small: Flow, large: Flow, kind: str, disk_bytes: float) -> Cost:
    """The line through two kinds of calls: few items in each, and many."""
    few, many = small.kinds[kind], large.kinds[kind]
    least, most = (each.items / len(each.latencies_ms) for each in (few, many))
    item_ns = (many.ns_of_calls - few.ns_of_calls) / (most - least)
    call_ns = few.ns_of_calls - item_ns * least
    return Cost(round(call_ns / 1e3, 1), round(item_ns / 1e3, 2), many.wal_bytes, round(disk_bytes, 1))


def _bytes(url: str) -> dict[str, int]:
    with psycopg.connect(url) as connection:
        rows = {
            name: connection.execute(
                "select sum(pg_total_relation_size(t)) from unnest(%s::regclass[]) as t", [tables]
            ).fetchone()
            for name, tables in TABLES.items()
        }
    return {name: int(row[0]) for name, row in rows.items() if row}


def need(
    subscribers: int,
    behaviour: Behaviour,
    costs: dict[str, Cost],
    jobs_us: float,
    seal_us: float,
    connection_kb: float,
) -> Need:
    """Rates of the peak times costs; on disk what a whole day leaves."""
    streams = max(1, subscribers // behaviour.followers)
    signals_day = streams * behaviour.signals_a_day
    decisions_day = signals_day * behaviour.followers
    signals_s, decisions_s = (day / SECONDS * behaviour.peak for day in (signals_day, decisions_day))
    beats_s = subscribers / behaviour.beat_s
    a_lane = max(1.0, behaviour.followers / behaviour.lanes)
    a_second = {"signal": signals_s, "decision": decisions_s, "report": decisions_s, "heartbeat": beats_s}
    # What comes within a hundredth of a second travels together.
    shared = {name: min(behaviour.batch, max(1.0, rate / 100)) for name, rate in a_second.items()} | {
        "decision": a_lane
    }
    us = sum(rate * costs[name].us(shared[name]) / shared[name] for name, rate in a_second.items())
    us += seal_us * (signals_s + 2 * decisions_s) + jobs_us * subscribers
    wal = sum(rate * costs[name].wal_bytes for name, rate in a_second.items())
    stored = {"signal": signals_day, "decision": decisions_day, "report": decisions_day}
    return Need(
        subscribers=subscribers,
        streams=streams,
        signals_s=round(signals_s, 2),
        decisions_s=round(decisions_s, 1),
        beats_s=round(beats_s, 1),
        cores=round(us / 1e6, 3),
        wal_mb_s=round(wal / 1e6, 3),
        disk_gb_day=round(sum(count * costs[name].disk_bytes for name, count in stored.items()) / 1e9, 3),
        gateway_gb=round(connection_kb * (subscribers + streams) / 1e6, 3),
    )
