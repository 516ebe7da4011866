"""The spans of a traced signal: from its bytes over its commit to its deliveries.

Whether a signal is traced, and under which id, follows from its place in its stream. So every gateway says the same
without having been told, and what one accepts and another delivers is one trace. Spans are made when they are over,
from times that are taken anyway; those of a batch by its oldest frame.
"""

import struct
import time
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_LOW = 2**64 - 1  # of a trace id: what OpenTelemetry's own ratio looks at


class Recorder:
    """Makes spans of what the hot path tells it, a batch at a time. Times are of time.monotonic."""

    def __init__(self, ratio: float, exporter: SpanExporter) -> None:
        # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES go before the name given here.
        resource = Resource({SERVICE_NAME: "ecp-gateway"}).merge(OTELResourceDetector().detect())
        self._bound = round(ratio * 2**64)
        # Streams of two planes have the same numbers: the planes have names.
        self._plane = str(resource.attributes[SERVICE_NAME]).encode()
        self.traced = lru_cache(4096)(self._find)  # a signal is asked for once for each of its followers
        self._ids = _Ids()
        self._provider = TracerProvider(resource=resource, id_generator=self._ids, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("gateway")

    def close(self) -> None:
        self._provider.shutdown()

    def ingested(
        self, columns: Sequence[Sequence[Any]], rows: Sequence[Any], *, read: float, since: float, began: float,
        committed: float, answered: float,
    ) -> None:  # fmt: skip
        """A batch of signals.ingest, with its answer."""
        for stream, epoch, seq, row in zip(*columns[1:4], rows, strict=True):
            if row[1] != "ACCEPTED":
                continue
            if traced := self.traced(stream, epoch, seq):
                self._ids.root = traced
                attributes = {"ecp.stream": stream, "ecp.epoch": epoch, "ecp.seq": seq}
                self._span("signal", None, read, answered, attributes)
                moments = {"read": read, "queue": since, "database": began, "ack": committed, "": answered}
                for (name, start), end in zip(moments.items(), list(moments.values())[1:], strict=False):
                    self._span(name, traced, start, end)

    def dispatched(self, fed: Sequence[Any], began: float, ended: float) -> None:
        """Rows of signals.feed, decided for the subscriptions of a lane and sent."""
        for row in fed:
            if traced := self.traced(*row[:3]):
                self._span("dispatch", traced, began, ended)

    def delivered(self, row: Sequence[Any], began: float) -> None:
        """A row of signals.delivery, handed to its connection."""
        if traced := self.traced(*row[2:5]):
            self._span(
                "deliver", traced, began, time.monotonic(),
                {"ecp.subscription": row[0], "ecp.delivery": row[1], "ecp.possible_duplicate": row[5]},
            )  # fmt: skip

    def _find(self, stream: int, epoch: int, seq: int) -> SpanContext | None:
        """The root of its trace; None when it has none."""
        digest = blake2b(struct.pack(">qqq", stream, epoch, seq), key=self._plane[:64], digest_size=24).digest()
        trace = int.from_bytes(digest[:16])
        if trace & _LOW >= self._bound:
            return None
        return SpanContext(trace, int.from_bytes(digest[16:]), is_remote=True, trace_flags=_SAMPLED)

    def _span(
        self, name: str, parent: SpanContext | None, start: float, end: float, attributes: dict[str, Any] | None = None
    ) -> None:
        """`parent` is None for the root, whose ids were set."""
        shift = time.time_ns() - time.monotonic_ns()
        context = set_span_in_context(NonRecordingSpan(parent), Context()) if parent else Context()
        span = self._tracer.start_span(name, context, attributes=attributes, start_time=int(start * 1e9) + shift)
        span.end(int(end * 1e9) + shift)


class _Ids(RandomIdGenerator):
    """Random, but for the next root."""

    root: SpanContext | None = None

    def generate_trace_id(self) -> int:
        return self.root.trace_id if self.root else super().generate_trace_id()

    def generate_span_id(self) -> int:
        root, self.root = self.root, None
        return root.span_id if root else super().generate_span_id()
