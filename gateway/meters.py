"""What this process counts where it happens. A call is measured once, when it is answered: its stages by its oldest
frame, its verdicts all together; so a busy gateway spends no more on it than an idle one. A gateway has one thread, so
nothing here is locked, and an observation costs next to nothing.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate
from operator import itemgetter
from typing import Any

from prometheus_client.metrics_core import Metric

from gateway import calls

# The latencies that are asked for (20, 50 and 200 ms) are among the bounds, so that nothing is guessed about them.
BOUNDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0)


class Histogram:
    """Of seconds."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


STAGES: defaultdict[tuple[str, str], Histogram] = defaultdict(Histogram)
"""By stage and call."""
INGEST = Histogram()
FAN_OUT = STAGES["fan_out", "dispatch"]
SIGNALS: Counter[str] = Counter()
"""By verdict."""
REPORTS: Counter[str] = Counter()
"""By verdict."""
DELIVERIES: Counter[str] = Counter(dispatch=0, log=0)
"""By where they came from."""
ERRORS: Counter[str] = Counter()
"""By code."""

REQUESTS: Counter[int] = Counter()
"""By status of the answer."""

_VERDICTS = {calls.INGEST: SIGNALS, calls.REPORT: REPORTS}
_verdict = itemgetter(1)


class Meter:
    """Measures the calls of one statement. Times are of time.monotonic."""

    def __init__(self, sql: str) -> None:
        name = sql.partition("(")[0].rpartition(".")[2]
        self._queue, self._database = STAGES["queue", name], STAGES["database", name]
        self._read, self._ack = STAGES["read", name], STAGES["ack", name]
        self._verdicts = _VERDICTS.get(sql)
        self._total = INGEST if sql == calls.INGEST else None

    def executed(self, since: float, began: float, committed: float) -> None:
        """It waited `since` then, the database `began` and `committed`."""
        self._queue.observe(began - since)
        self._database.observe(committed - began)

    def answered(self, rows: Sequence[Any], read: float, since: float, committed: float, answered: float) -> None:
        """A batch: its oldest frame was `read` before it waited, and all are `answered`."""
        self._read.observe(since - read)
        self._ack.observe(answered - committed)
        if self._total:
            self._total.observe(answered - read)
        if self._verdicts is not None:
            self._verdicts.update(map(_verdict, rows))


def families() -> Iterator[Metric]:
    """All of it, as it stands."""
    stages = Metric(
        "ecp_stage_seconds",
        "read: bytes to queue; queue; database: to commit; ack; fan_out: acceptance to delivery. By the oldest.",
        "histogram",
    )
    for (stage, call), histogram in STAGES.items():
        _add(stages, histogram, {"stage": stage, "call": call})
    yield stages
    ingest = Metric(
        "ecp_ingest_latency_seconds",
        "From the bytes of a Publish to the answer of its verdicts, which are durable. By the oldest in a batch.",
        "histogram",
    )
    _add(ingest, INGEST, {})
    yield ingest
    for name, text, label, counts in (
        ("ecp_signals", "Signals answered, by verdict.", "verdict", SIGNALS),
        ("ecp_reports", "Reports answered, by verdict.", "verdict", REPORTS),
        (
            "ecp_deliveries",
            "Deliveries sent: just dispatched, or read from the log.",
            "source",
            DELIVERIES,
        ),
        ("ecp_client_errors", "Errors that clients were told, by code.", "code", ERRORS),
        ("ecp_http_requests", "Requests answered by HTTP, by status.", "status", REQUESTS),
    ):
        family = Metric(name, text, "counter")
        for value, count in counts.items():
            family.add_sample(f"{name}_total", {label: str(value)}, count)
        yield family


def _add(family: Metric, histogram: Histogram, labels: dict[str, str]) -> None:
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), accumulate(histogram.counts), strict=True):
        family.add_sample(f"{family.name}_bucket", {**labels, "le": bound}, count)
    family.add_sample(f"{family.name}_count", labels, sum(histogram.counts))
    family.add_sample(f"{family.name}_sum", labels, histogram.total)
