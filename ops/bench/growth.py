"""`ecp bench growth`: what a signal, a decision and a report cost as history, subscriptions and streams become many."""

from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import psycopg
import uvloop

from ops import scratch
from ops.bench import population
from ops.bench.figures import Figures
from ops.bench.flow import Flow
from ops.errors import Refusal
from ops.postgres import External, Stack

CALLS, SIZE = 40, 50
"""Of ingest in a round: so many calls of so many signals, each call of one stream."""
DECISIONS = 1_000
"""In a round, or those of an opening and a close where that is more."""
ALLOWED = 1.2
"""Times what it was: within that it is the same."""


@dataclass(frozen=True)
class Axis:
    """What grows, and in which steps."""

    name: str
    steps: list[int]

    def sizes(self, step: int) -> tuple[int, int, int, int]:
        """Signals in history, streams, subscriptions, and streams that these follow."""
        match self.name:
            case "history":
                return step, 10, 10, 1
            case "subscriptions":
                return max(10_000, 20 * step), 10, step, 1
            case _:
                return 10_000, step, step // 2, step // 2


SHORT = [
    Axis("history", [10_000, 1_000_000]),
    Axis("subscriptions", [10, 100, 1_000, 10_000]),
    Axis("streams", [2, 100, 10_000]),
]
FULL = [
    Axis("history", [10_000, 1_000_000, 100_000_000]),
    Axis("subscriptions", [10, 100, 1_000, 10_000, 100_000]),
    Axis("streams", [2, 100, 10_000]),
]


@dataclass(frozen=True)
class Step:
    """CPU of the server's process for one signal, decision and report; and how long the calls of ingest took."""

    size: int
    ingest_us: float
    ingest_p50_ms: float
    ingest_p99_ms: float
    dispatch_us: float
    report_us: float
    poll_ms: float
    """CPU of one look at all heads and routes, which every gateway takes twice a second."""
    jobs_ms: dict[str, float]
    """CPU of one run of each job."""
    jobs_share: float
    """Of one core, what the jobs take together."""


@dataclass(frozen=True)
class Result(Figures):
    """A list of steps for each thing that grew."""

    rounds: int
    history: list[Step] = field(default_factory=list)
    subscriptions: list[Step] = field(default_factory=list)
    streams: list[Step] = field(default_factory=list)

    @property
    def ingest_p99_ratio(self) -> float:
        """Of a call of ingest, at the longest history to at the shortest."""
        return round(self.history[-1].ingest_p99_ms / self.history[0].ingest_p99_ms, 2)

    @property
    def dispatch_ratio(self) -> float:
        """Of a decision, at the most subscriptions to where it was cheapest before: above 1, cost rises faster than
        they do."""
        return round(self.subscriptions[-1].dispatch_us / min(step.dispatch_us for step in self.subscriptions[:-1]), 2)

    def lines(self) -> Iterator[str]:
        yield (
            f"CPU of the server process; {self.rounds} rounds of {CALLS} calls of ingest with {SIZE} signals, "
            f"dispatch signal by signal, and {SIZE} reports in a call"
        )
        for name in ("history", "subscriptions", "streams"):
            if steps := getattr(self, name):
                yield from _table(name, steps)
        yield f"S8: p99 of ingest x {self.ingest_p99_ratio} over history ({_held(self.ingest_p99_ratio)})"
        yield f"S8: a decision x {self.dispatch_ratio} over subscriptions ({_held(self.dispatch_ratio)})"


def _held(ratio: float) -> str:
    return f"within {ALLOWED}" if ratio <= ALLOWED else f"falls short of {ALLOWED}"


def _table(name: str, steps: Sequence[Step]) -> Iterator[str]:
    yield (
        f"{name:>13}  {'ingest µs/signal':>18}  {'call p50 ms':>15}  {'call p99 ms':>15}  {'dispatch µs/decision':>20}"
        f"  {'report µs/report':>18}  {'poll ms':>8}  {'jobs, of a core':>15}"
    )
    first = steps[0]

    def beside(value: float, base: float) -> str:
        return f"{value:g} x{value / base:.2f}"

    for step in steps:
        yield (
            f"{step.size:>13,}  {beside(step.ingest_us, first.ingest_us):>18}"
            f"  {beside(step.ingest_p50_ms, first.ingest_p50_ms):>15}"
            f"  {beside(step.ingest_p99_ms, first.ingest_p99_ms):>15}"
            f"  {beside(step.dispatch_us, first.dispatch_us):>20}  {beside(step.report_us, first.report_us):>18}"
            f"  {step.poll_ms:>8g}  {step.jobs_share:>15.1%}"
        )
    dearest = sorted(steps[-1].jobs_ms.items(), key=lambda job: -job[1])[:3]
    yield "              dearest jobs at the end: " + ", ".join(f"{job} {ms:g} ms" for job, ms in dearest)


def run(stack: Stack, *, full: bool, rounds: int, axes: Sequence[Axis] | None = None) -> Result:
    """Each step in a database of its own, which are measured in turns: when the machine slows down, it does for all of
    them."""
    if isinstance(stack, External):
        raise Refusal("TRD09", "growth makes a database for every step", "measure a stack of this checkout: --stack")
    measured = {axis.name: _measure(stack, axis, rounds) for axis in axes or (FULL if full else SHORT)}
    return Result(rounds=rounds, **measured)


def _measure(stack: Stack, axis: Axis, rounds: int) -> list[Step]:
    names = [f"ecp_bench_{axis.name}_{step}" for step in axis.steps]
    try:
        urls = [prepare(stack, name, *axis.sizes(step)) for name, step in zip(names, axis.steps, strict=True)]
        return uvloop.run(_drive(axis, urls, rounds))
    finally:
        for name in names:
            scratch.drop(stack, name)


def prepare(stack: Stack, name: str, signals: int, streams: int, subscriptions: int, followed: int) -> str:
    """A database with so much in it; its URL."""
    url = scratch.database(stack, name)
    with psycopg.connect(url, autocommit=True) as connection:
        population.streams(connection, streams)
        population.subscriptions(connection, subscriptions, followed=followed)
        population.history(connection, signals)
        population.settle(connection)
    return url


async def _drive(axis: Axis, urls: Sequence[str], rounds: int) -> list[Step]:
    flows = [Flow(url) for url in urls]
    async with AsyncExitStack() as running:
        for flow in flows:
            await flow.start()
            running.push_async_callback(flow.stop)
        for number in range(1 + rounds):
            for flow, size in zip(flows, axis.steps, strict=True):
                _, _, subscriptions, followed = axis.sizes(size)
                await _round(flow, subscriptions // followed)
                if number == 0:
                    flow.kinds.clear()  # it made the plans and filled the caches
        return [_step(size, flow) for flow, size in zip(flows, axis.steps, strict=True)]


async def _round(flow: Flow, followers: int) -> None:
    await flow.jobs()
    await flow.ingest(flow.plain, count=CALLS, size=SIZE)
    pairs = max(1, DECISIONS // followers // 2)
    await flow.ingest(flow.followed, count=pairs, size=2, kind="followed")
    delivered = await flow.dispatch(size=1)
    assert len(delivered) == 2 * pairs * followers, "not everybody copied everything, so this is no measure of copying"
    await flow.report(delivered, size=SIZE)


def _step(size: int, flow: Flow) -> Step:
    ingest = flow.kinds["ingest"]
    return Step(
        size=size,
        ingest_us=ingest.us,
        ingest_p50_ms=ingest.p50_ms,
        ingest_p99_ms=ingest.p99_ms,
        dispatch_us=flow.kinds["dispatch"].us,
        report_us=flow.kinds["report"].us,
        poll_ms=round(flow.kinds["poll"].us / 1000, 2),
        jobs_ms=flow.jobs_ms,
        jobs_share=flow.jobs_share(),
    )
