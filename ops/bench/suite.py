"""`ecp bench all`: every figure that is asked of the plane's speed, and whether it is reached."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ops.bench import copy, fanout, report
from ops.bench.figures import Figures, table
from ops.bench.peers import compare
from ops.postgres import Stack

RATE = 20_000
CALLS_RATE = 5_000
REPORTS_RATE = 15_000
SUBSCRIBERS = 10_000


@dataclass(frozen=True)
class Line:
    """One figure that is asked for."""

    id: str
    what: str
    must: str
    figure: str
    holds: bool | None
    """None: not measured."""

    def verdict(self) -> str:
        return "not measured" if self.holds is None else "pass" if self.holds else "falls short"


@dataclass(frozen=True)
class Result(Figures):
    """All of them, and what they were read from."""

    speed: list[Line]
    ingest: compare.Result
    fanout: fanout.Result
    copy: copy.Result
    reports: report.Result
    reports_flat_out: report.Result

    def lines(self) -> Iterator[str]:
        head = ["", "what", "figure", "must", ""]
        rows = [[one.id, one.what, one.figure, one.must, one.verdict()] for one in self.speed]
        yield from table(head, rows, right=False)
        yield ""
        yield from self.ingest.lines()


def run(stack: Stack, *, rounds: int, seconds: float, subscribers: int, rate: float = RATE, **scale: Any) -> Result:
    """Each bench at the load that its figure names; `rate`, `subscribers` and `scale` (rates of reports) make it
    smaller."""
    calls_rate, reports_rate = scale.get("calls_rate", CALLS_RATE), scale.get("reports_rate", REPORTS_RATE)
    _say(f"ingest and its peers, {rounds} rounds")
    ingest = compare.run(stack, rate=rate, seconds=seconds, rounds=rounds)
    _say(f"fan-out to {subscribers} connections")
    spread = fanout.run(stack, subscribers=subscribers, rate=3, seconds=seconds, gateways=1)
    _say("copies of 100 subscribers")
    copied = copy.run(stack, subscribers=100, rate=50, seconds=seconds)
    _say("reports")
    calls = report.run(stack, subscriptions=500, rate=calls_rate, seconds=seconds)
    flat_out = report.run(stack, subscriptions=500, rate=reports_rate, seconds=seconds)
    return Result(
        speed=[
            *_ingest(ingest, rate),
            Line(
                "S5",
                f"one signal to {subscribers:,} connections",
                "p99 < 200 ms, ≥ 30,000 deliveries/s",
                f"p99 {spread.p99_ms:,.0f} ms, {spread.rate:,.0f}/s",
                spread.complete and spread.p99_ms < 200 and spread.rate >= 30_000,
            ),
            Line(
                "S6",
                "master's send → 100 subscribers",
                "p99 < 20 ms",
                f"p99 {copied.p99_ms:.1f} ms",
                copied.delivered == copied.expected and copied.p99_ms < 20,
            ),
            Line(
                "S7",
                "reports with ledger, wallet, trust and state",
                f"≥ 15,000/s, p99 < 10 ms at {calls_rate:,}/s",
                f"{flat_out.rate:,.0f}/s, p99 {calls.p99_ms:.1f} ms",
                flat_out.rate >= 15_000 and calls.p99_ms < 10,
            ),
            Line("S8", "growth of history and subscriptions", "p99 ≤ 1.2 times, dispatch linear", "", None),
        ],
        ingest=ingest,
        fanout=spread,
        copy=copied,
        reports=calls,
        reports_flat_out=flat_out,
    )


def _ingest(found: compare.Result, rate: float) -> Iterator[Line]:
    ours, ratios = found.ours, found.ratios
    yield Line(
        "S1",
        "ingest: TCP → verified → durable → ack",
        f"p99 < 20 ms at {rate:,.0f}/s, peak ≥ 30,000/s",
        f"p99 {ours.p99_ms:.1f} ms, peak {ours.rate:,.0f}/s",
        ours.p99_ms < 20 and ours.rate >= 30_000,
    )
    for number, peer, least in [("S2", "redis_worker", 2.0), ("S3", "redis_xadd", 1.0)]:
        yield Line(number, f"ingest ÷ {peer}", f"≥ {least:g}", f"{ratios[peer]:.2f}", ratios[peer] >= least)
    yield Line(
        "S4",
        "signals.ingest ÷ bare insert, both without TCP",
        "≥ 0.7",
        f"{found.sql_ratio:.2f} ({ratios['bare_insert']:.2f} with TCP and gateway)",
        found.sql_ratio >= 0.7,
    )


def _say(line: str) -> None:
    sys.stderr.write(f"{line} …\n")
    sys.stderr.flush()
