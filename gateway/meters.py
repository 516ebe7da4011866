"""What this process counts where it happens. A call is measured once, when it is answered: its stages by its oldest
frame, its verdicts all together; so a busy gateway spends no more on it than an idle one.
"""

from collections import Counter as Tally
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from gateway import calls

disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

# The latencies that are asked for (20, 50 and 200 ms) are among the bounds, so that nothing is guessed about them.
_BOUNDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0)

STAGES = Histogram(
    "ecp_stage_seconds",
    "read: bytes to queue; queue; database: to commit; ack: to answer; fan_out: acceptance to delivery. By the oldest.",
    ["stage", "call"],
    buckets=_BOUNDS,
    registry=REGISTRY,
)
INGEST = Histogram(
    "ecp_ingest_latency_seconds",
    "From the bytes of a Publish to the answer of its verdicts, which are durable. By the oldest in a batch.",
    buckets=_BOUNDS,
    registry=REGISTRY,
)
SIGNALS = Counter("ecp_signals", "Signals answered, by verdict.", ["verdict"], registry=REGISTRY)
REPORTS = Counter("ecp_reports", "Reports answered, by verdict.", ["verdict"], registry=REGISTRY)
DELIVERIES = Counter("ecp_deliveries", "Deliveries sent to terminals, repeated ones too.", registry=REGISTRY)
ERRORS = Counter("ecp_client_errors", "Errors that clients were told, by code.", ["code"], registry=REGISTRY)
FAN_OUT = STAGES.labels("fan_out", "dispatch")

_VERDICTS = {calls.INGEST: SIGNALS, calls.REPORT: REPORTS}
_verdict = itemgetter(1)


class Meter:
    """Measures the calls of one statement. Times are of time.monotonic."""

    def __init__(self, sql: str) -> None:
        name = sql.partition("(")[0].rpartition(".")[2]
        self._queue, self._database = STAGES.labels("queue", name), STAGES.labels("database", name)
        self._read, self._ack = STAGES.labels("read", name), STAGES.labels("ack", name)
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
        if self._verdicts:
            for verdict, count in Tally(map(_verdict, rows)).items():
                self._verdicts.labels(verdict).inc(count)
