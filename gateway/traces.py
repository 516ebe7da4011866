"""Whether signals are traced. Off, which is one look for a whole batch, unless ECP_TRACE_RATIO says otherwise and
OpenTelemetry is there, which is the extra `traces` of this package. Where spans go is for OTEL_* to say, as everywhere.
"""

import os
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

    from gateway.spans import Recorder

log = structlog.get_logger(__name__)


class Traces:
    """`recorder` is None while they are off."""

    def __init__(self) -> None:
        self.recorder: Recorder | None = None

    def start(self, ratio: float, exporter: "SpanExporter | None" = None) -> None:
        """Trace so many of all signals, into `exporter` or into the one that OTEL_TRACES_EXPORTER names."""
        if not ratio:
            return
        try:
            from gateway.spans import Recorder

            self.recorder = Recorder(ratio, exporter or _exporter())
        except ImportError as error:
            log.warning("no traces: what they need is not installed", error=str(error))

    def stop(self) -> None:
        """What was recorded is exported before."""
        if self.recorder:
            self.recorder.close()
            self.recorder = None


def _exporter() -> "SpanExporter":
    name = os.environ.get("OTEL_TRACES_EXPORTER", "otlp_proto_http")
    for found in entry_points(group="opentelemetry_traces_exporter", name=name):
        exporter: SpanExporter = found.load()()
        return exporter
    raise ImportError(f"no exporter {name}")


TRACES = Traces()
