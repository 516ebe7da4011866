"""`ecp bench all`: every figure that is asked of the plane's speed, and whether it is reached."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from ops.bench import copy, fanout, growth, report
from ops.bench.figures import Figures, table
from ops.bench.peers import compare
from ops.postgres import External, Stack

GROWTH = f"p99 of a call ≤ {growth.ALLOWED} times, a decision no dearer"
REACHED = 0.95
"""The share of an offered rate that counts as all of it: the last answers come after the time that it was offered."""


@dataclass(frozen=True)
class Scale:
    """At what load each figure is asked for. History beyond a million signals, and more subscriptions, are for
    `ecp bench growth`: they take long to make."""

    rate: float = 20_000
    subscribers: int = 10_000
    followers: int = 100
    reporters: int = 500
    calls_rate: float = 5_000
    reports_rate: float = 15_000
    axes: tuple[growth.Axis, ...] = (
        growth.Axis("history", [10_000, 1_000_000]),
        growth.Axis("subscriptions", [10, 100, 1_000]),
    )


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
    growth: growth.Result | None
    """None on a server that was only lent: it makes a database for every step."""

    def lines(self) -> Iterator[str]:
        head = ["", "what", "figure", "must", ""]
        rows = [[one.id, one.what, one.figure, one.must, one.verdict()] for one in self.speed]
        yield from table(head, rows, right=False)
        yield ""
        yield from self.ingest.lines()


def run(stack: Stack, *, rounds: int, seconds: float, scale: Scale) -> Result:
    """Each bench at its load, for `seconds`."""
    _say(f"ingest and its peers, rounds: {rounds}")
    ingest = compare.run(stack, rate=scale.rate, seconds=seconds, rounds=rounds)
    _say(f"fan-out to {scale.subscribers} connections")
    spread = fanout.run(stack, subscribers=scale.subscribers, rate=3, seconds=seconds, gateways=1)
    _say(f"copies of {scale.followers} subscribers")
    copied = copy.run(stack, subscribers=scale.followers, rate=50, seconds=seconds)
    _say(f"reports, {scale.calls_rate:g}/s and {scale.reports_rate:g}/s")
    calls = report.run(stack, subscriptions=scale.reporters, rate=scale.calls_rate, seconds=seconds)
    flat_out = report.run(stack, subscriptions=scale.reporters, rate=scale.reports_rate, seconds=seconds)
    grown = None
    if not isinstance(stack, External):
        _say("growth of history and subscriptions")
        grown = growth.run(stack, full=False, rounds=rounds, axes=scale.axes)
    return Result(
        speed=list(judge(ingest, spread, copied, calls, flat_out, grown)),
        ingest=ingest,
        fanout=spread,
        copy=copied,
        reports=calls,
        reports_flat_out=flat_out,
        growth=grown,
    )


def judge(
    ingest: compare.Result,
    spread: fanout.Result,
    copied: copy.Result,
    calls: report.Result,
    flat_out: report.Result,
    grown: growth.Result | None,
) -> Iterator[Line]:
    """What was measured beside what it must be."""
    ours, ratios = ingest.ours, ingest.ratios
    yield Line(
        "S1",
        "ingest: TCP → verified → durable → ack",
        "p99 < 20 ms at 20,000/s, peak ≥ 30,000/s",
        f"p99 {ours.p99_ms:.1f} ms at {ingest.offered_rate:,.0f}/s, peak {ours.rate:,.0f}/s",
        ingest.offered_rate >= 20_000 and ours.p99_ms < 20 and ours.rate >= 30_000,
    )
    for number, peer, least in [("S2", "redis_worker", 2.0), ("S3", "redis_xadd", 1.0)]:
        yield Line(number, f"ingest ÷ {peer}", f"≥ {least:g}", f"{ratios[peer]:.2f}", ratios[peer] >= least)
    yield Line(
        "S4",
        "signals.ingest ÷ bare insert, both without TCP",
        "≥ 0.7",
        f"{ingest.sql_ratio:.2f} ({ratios['bare_insert']:.2f} with TCP and gateway)",
        ingest.sql_ratio >= 0.7,
    )
    yield Line(
        "S5",
        "one signal to all connected, decisions stored",
        "10,000 connections: p99 < 200 ms, ≥ 30,000 deliveries/s",
        f"{spread.subscribers:,}: p99 {spread.p99_ms:,.0f} ms, {spread.rate:,.0f}/s",
        spread.complete and spread.subscribers >= 10_000 and spread.p99_ms < 200 and spread.rate >= 30_000,
    )
    yield Line(
        "S6",
        "master's send → subscriber's receive",
        "100 subscribers: p99 < 20 ms",
        f"{copied.subscribers}: p99 {copied.p99_ms:.1f} ms",
        copied.delivered == copied.expected and copied.subscribers >= 100 and copied.p99_ms < 20,
    )
    yield Line(
        "S7",
        "reports with ledger, wallet, trust and state",
        "≥ 15,000/s, p99 of a call < 10 ms at 5,000/s",
        f"{flat_out.rate:,.0f}/s, p99 of a call {calls.call_p99_ms:.1f} ms, of due → verdict {calls.p99_ms:.1f} ms, "
        f"at {calls.rate:,.0f}/s",
        flat_out.rate >= 15_000 * REACHED and calls.rate >= 5_000 * REACHED and calls.call_p99_ms < 10,
    )
    if grown is None:
        yield Line("S8", "growth of history and subscriptions", GROWTH, "", None)
    else:
        yield Line(
            "S8",
            f"growth to {grown.history[-1].size:,} signals and {grown.subscriptions[-1].size:,} subscriptions",
            GROWTH,
            f"p99 {grown.ingest_p99_ratio:g} times, a decision {grown.dispatch_ratio:g} times",
            grown.ingest_p99_ratio <= growth.ALLOWED and grown.dispatch_ratio <= growth.ALLOWED,
        )


def _say(line: str) -> None:
    sys.stderr.write(f"{line} …\n")
    sys.stderr.flush()
