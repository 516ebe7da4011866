"""A trace of a signal, from its bytes over its commit to its deliveries; and none when they are off."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from threading import Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.server import Gateway
from gateway.spans import Recorder
from gateway.traces import TRACES
from tests.gateway.conftest import Connect, Market, Master, Start

pytestmark = pytest.mark.core


@pytest.fixture
async def gateway(start: Start) -> Gateway:
    """One that gives a slow machine time."""
    return await start(call_deadline_ms=10_000)


@pytest.fixture
def exported() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    yield exporter
    TRACES.stop()


def spans(exported: InMemorySpanExporter) -> list[ReadableSpan]:
    TRACES.stop()
    return list(exported.get_finished_spans())


async def copied(gateway: Gateway, connect: Connect, market: Market, count: int = 1) -> Master:
    """Published in one frame, delivered to two."""
    master = market.master()
    copiers = []
    for _ in range(2):
        token, subscription = market.subscriber(master)
        copiers.append(await connect(gateway, token))
        await copiers[-1].subscribe(subscription)
    provider = await connect(gateway, master.token)
    await provider.open_stream(master.stream)
    await provider.publish(master.stream_id, master.signed(provider, count))
    for copier in copiers:
        await copier.next_deliveries(count)
    return master


async def test_one_trace_from_its_bytes_to_every_delivery(
    gateway: Gateway, connect: Connect, market: Market, exported: InMemorySpanExporter
) -> None:
    TRACES.start(1, exported)
    master = await copied(gateway, connect, market)
    found = spans(exported)
    (root,) = [span for span in found if span.parent is None]
    assert root.name == "signal"
    assert dict(root.attributes or {}) == {"ecp.stream": master.stream_id, "ecp.epoch": 1, "ecp.seq": 1}
    assert {span.context.trace_id for span in found if span.context} == {root.context.trace_id if root.context else 0}
    children = [span for span in found if span is not root]
    assert all(span.parent and root.context and span.parent.span_id == root.context.span_id for span in children)
    names = [span.name for span in children]
    assert {*names} == {"read", "queue", "database", "ack", "dispatch", "deliver"}
    assert names.count("deliver") == 2
    assert len({(span.attributes or {})["ecp.subscription"] for span in children if span.name == "deliver"}) == 2


async def test_its_stages_follow_each_other(
    gateway: Gateway, connect: Connect, market: Market, exported: InMemorySpanExporter
) -> None:
    TRACES.start(1, exported)
    await copied(gateway, connect, market)
    by_name = {span.name: span for span in spans(exported)}
    stages = [by_name[name] for name in ("read", "queue", "database", "ack")]
    times = [(span.start_time or 0, span.end_time or 0) for span in stages]
    slack = 1_000_000  # the wall clock is set against the other one for each of them: a millisecond
    for (start, end), (next_start, _) in pairwise(times):
        assert start <= end + slack
        assert abs(next_start - end) < slack
    assert (by_name["dispatch"].start_time or 0) >= times[2][1] - slack


async def test_what_is_sampled_is_whole(
    gateway: Gateway, connect: Connect, market: Market, exported: InMemorySpanExporter
) -> None:
    TRACES.start(0.5, exported)
    await copied(gateway, connect, market, 40)
    found = spans(exported)
    traces = {span.context.trace_id for span in found if span.context}
    assert 5 < len(traces) < 35
    assert len([span for span in found if span.name == "signal"]) == len(traces)
    assert len([span for span in found if span.name == "deliver"]) == 2 * len(traces)


def test_two_gateways_agree_on_what_is_traced_and_two_planes_share_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = (Recorder(0.5, InMemorySpanExporter()) for _ in range(2))
    monkeypatch.setenv("OTEL_SERVICE_NAME", "another plane")
    elsewhere = Recorder(0.5, InMemorySpanExporter())
    places = [(stream, 1, seq) for stream in range(10) for seq in range(10)]
    chosen = [here.traced(*place) for place in places]
    assert chosen == [there.traced(*place) for place in places]
    assert 20 < len([each for each in chosen if each]) < 80
    others = {found.trace_id for place in places if (found := elsewhere.traced(*place))}
    assert not {each.trace_id for each in chosen if each} & others
    for recorder in (here, there, elsewhere):
        recorder.close()


async def test_by_default_they_are_sent_as_otlp(
    gateway: Gateway, connect: Connect, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[ExportTraceServiceRequest] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as collector:
        Thread(target=collector.serve_forever).start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
        TRACES.start(1)
        await copied(gateway, connect, market)
        await asyncio.to_thread(TRACES.stop)
        collector.shutdown()
    (resource,) = {each.resource.SerializeToString() for request in told for each in request.resource_spans}
    assert b"ecp-gateway" in resource
    names = {
        span.name
        for request in told
        for each in request.resource_spans
        for scope in each.scope_spans
        for span in scope.spans
    }
    assert names == {"signal", "read", "queue", "database", "ack", "dispatch", "deliver"}


async def test_they_are_off_unless_asked_for(
    gateway: Gateway, connect: Connect, market: Market, exported: InMemorySpanExporter
) -> None:
    TRACES.start(0, exported)
    assert TRACES.recorder is None
    await copied(gateway, connect, market)
    assert spans(exported) == []


def python(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout


def test_off_they_are_not_even_loaded() -> None:
    said = python("import sys, gateway.main; print([name for name in sys.modules if 'opentelemetry' in name])")
    assert said == "[]\n"


def test_without_the_extra_a_gateway_runs_and_says_so() -> None:
    said = python(
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from gateway.traces import TRACES; TRACES.start(1); print(TRACES.recorder)"
    )
    assert "no traces" in said
    assert said.endswith("None\n")
