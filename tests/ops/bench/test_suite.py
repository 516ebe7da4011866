"""What is asked of the plane's speed is judged by what was measured."""

from dataclasses import replace
from typing import Any

import pytest

from ops.bench import growth, suite
from ops.postgres import External
from tests.ops.bench.test_peers import needs_redis

pytestmark = pytest.mark.core

SMALL = suite.Scale(rate=200, subscribers=10, followers=3, reporters=3, calls_rate=40, reports_rate=60)


@needs_redis
def test_every_figure_is_judged(database_url: str) -> None:
    found = suite.run(External(database_url), rounds=1, seconds=1, scale=SMALL)
    assert [line.id for line in found.speed] == [f"S{number}" for number in range(1, 9)]
    assert found.fanout.complete
    assert found.copy.delivered == found.copy.expected == 150
    assert (found.reports.answered, found.reports_flat_out.answered) == (40, 60)
    # Nothing passes that was not asked for at its full load, and what was not measured is not said to hold.
    said = {line.id: line.verdict() for line in found.speed}
    assert (said["S1"], said["S5"], said["S6"], said["S7"]) == ("falls short",) * 4
    assert said["S8"] == "not measured"

    def judged(**changes: Any) -> dict[str, bool | None]:
        parts: dict[str, Any] = {
            "ingest": found.ingest,
            "spread": found.fanout,
            "copied": found.copy,
            "calls": found.reports,
            "flat_out": found.reports_flat_out,
            "grown": found.growth,
        }
        return {line.id: line.holds for line in suite.judge(**(parts | changes))}

    ours = replace(found.ingest.ours, rate=30_000, p99_ms=19.9)
    fast = replace(found.ingest, offered_rate=20_000, ours=ours, sql_ratio=0.7)
    fast = replace(fast, ratios=fast.ratios | {"redis_worker": 2.0, "redis_xadd": 1.0})
    assert [judged(ingest=fast)[number] for number in ("S1", "S2", "S3", "S4")] == [True] * 4
    slow = replace(fast, ours=replace(ours, p99_ms=20.0), sql_ratio=0.69)
    slow = replace(slow, ratios=slow.ratios | {"redis_worker": 1.99, "redis_xadd": 0.99})
    assert [judged(ingest=slow)[number] for number in ("S1", "S2", "S3", "S4")] == [False] * 4

    spread = replace(found.fanout, subscribers=10_000, p99_ms=199.0, rate=30_000)
    assert judged(spread=spread)["S5"]
    assert not judged(spread=replace(spread, deliveries=spread.deliveries - 1))["S5"]
    assert not judged(spread=replace(spread, p99_ms=200.0))["S5"]
    copied = replace(found.copy, subscribers=100, p99_ms=19.9)
    assert judged(copied=copied)["S6"]
    assert not judged(copied=replace(copied, delivered=copied.delivered - 1))["S6"]
    calls, flat_out = replace(found.reports, rate=4_900, call_p99_ms=9.9), replace(found.reports_flat_out, rate=14_900)
    assert judged(calls=calls, flat_out=flat_out)["S7"]
    assert not judged(calls=replace(calls, call_p99_ms=10.0), flat_out=flat_out)["S7"]
    assert not judged(calls=calls, flat_out=replace(flat_out, rate=13_000))["S7"]
    assert judged(grown=grown(6.0, 72))["S8"]
    assert not judged(grown=grown(6.1, 72))["S8"]
    assert not judged(grown=grown(6.0, 73))["S8"]


def grown(p99_ms: float, dispatch_us: float) -> growth.Result:
    """From 5 ms and 60 µs."""

    def step(size: int, p99_ms: float, dispatch_us: float) -> growth.Step:
        return growth.Step(size, 40.0, 2.0, p99_ms, dispatch_us, 100.0, 0.5, {"seal": 20.0}, 0.01)

    return growth.Result(5, [step(1, 5.0, 60), step(9, p99_ms, 60)], [step(1, 5.0, 60), step(9, 5.0, dispatch_us)])
