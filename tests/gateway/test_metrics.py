"""What Prometheus is told: numbers that move as signals pass, under names that it expects."""

import re
import subprocess
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway import ecp_pb2 as pb
from gateway.client import Client, Refusal
from gateway.server import Gateway
from ops.monitoring.dashboards import DASHBOARDS
from ops.paths import ROOT
from tests.gateway.conftest import Connect, Market, Master, Start, terminate

pytestmark = pytest.mark.core


@pytest.fixture
async def gateway(start: Start) -> Gateway:
    """One that gives a slow machine time."""
    return await start(call_deadline_ms=10_000)


Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def scrape(gateway: Gateway) -> Samples:
    families = text_string_to_metric_families((await gateway.metrics()).decode())
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, frozenset(labels.items())), 0)


def lint(promtool: str, text: bytes) -> str:
    """What Prometheus' own tool has to say of it."""
    said = subprocess.run(
        [promtool, "check", "metrics"], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    return said.stdout.decode()


@pytest.fixture
async def moved(gateway: Gateway) -> Callable[..., Awaitable[float]]:
    """By how much it has risen since the test began: the process has served other tests before."""
    before = await scrape(gateway)

    async def moved(name: str, **labels: str) -> float:
        return value(await scrape(gateway), name, **labels) - value(before, name, **labels)

    return moved


async def copied(gateway: Gateway, connect: Connect, market: Market, count: int) -> tuple[Client, Master, Client]:
    """`count` signals in one frame, delivered and reported."""
    master = market.master()
    token, subscription = market.subscriber(master)
    copier = await connect(gateway, token)
    await copier.subscribe(subscription)
    provider = await connect(gateway, master.token)
    await provider.open_stream(master.stream)
    await provider.publish(master.stream_id, master.signed(provider, count))
    deliveries = await copier.next_deliveries(count)
    await copier.report(
        [
            pb.Report(subscription_id=subscription, delivery_seq=each.delivery_seq, status=pb.FAILED, code="TRG04")
            for each in deliveries
        ]
    )
    return provider, master, copier


async def test_what_passes_is_counted(
    gateway: Gateway, connect: Connect, market: Market, moved: Callable[..., Awaitable[float]]
) -> None:
    provider, master, _ = await copied(gateway, connect, market, 5)
    master.seq += 1
    await provider.publish(master.stream_id, master.signed(provider))
    assert await moved("ecp_signals_total", verdict="ACCEPTED") == 5
    assert await moved("ecp_signals_total", verdict="GAP") == 1
    delivered = [await moved("ecp_deliveries_total", source=source) for source in ("dispatch", "log")]
    assert sum(delivered) == 5
    assert await moved("ecp_reports_total", verdict="RECORDED") == 5


async def test_a_batch_is_measured_once_in_each_of_its_stages(
    gateway: Gateway, connect: Connect, market: Market, moved: Callable[..., Awaitable[float]]
) -> None:
    """Whatever there is in it."""
    await copied(gateway, connect, market, 100)
    for stage in ("read", "queue", "database", "ack"):
        assert await moved("ecp_stage_seconds_count", stage=stage, call="ingest") == 1
    assert await moved("ecp_ingest_latency_seconds_count") == 1
    for stage in ("queue", "database", "fan_out"):
        assert await moved("ecp_stage_seconds_count", stage=stage, call="dispatch") >= 1


async def test_its_stages_are_parts_of_its_latency(
    gateway: Gateway, connect: Connect, market: Market, moved: Callable[..., Awaitable[float]]
) -> None:
    await copied(gateway, connect, market, 10)
    parts = [
        await moved("ecp_stage_seconds_sum", stage=stage, call="ingest")
        for stage in ("read", "queue", "database", "ack")
    ]
    assert all(seconds > 0 for seconds in parts)
    assert sum(parts) == pytest.approx(await moved("ecp_ingest_latency_seconds_sum"))


async def test_state_is_told_as_the_database_has_it(gateway: Gateway, connect: Connect, market: Market) -> None:
    await copied(gateway, connect, market, 1)
    told = await scrape(gateway)
    assert value(told, "ecp_database_up") == 1
    assert value(told, "ecp_connections", purpose="publish") == 1
    assert value(told, "ecp_connections", purpose="subscribe") == 1
    assert value(told, "ecp_sessions", purpose="publish") == 1
    assert value(told, "ecp_subscriptions", state="SYNCED") == 1
    assert value(told, "ecp_link_up", link="provider 0") == 1
    assert value(told, "ecp_inflight_items") == 0


async def test_what_nobody_could_decide_is_counted(
    gateway: Gateway, connect: Connect, market: Market, moved: Callable[..., Awaitable[float]]
) -> None:
    provider, master, _ = await copied(gateway, connect, market, 1)
    market.db.execute("alter function signals.ingest rename to away")
    await provider.publish(master.stream_id, master.signed(provider, 3))
    assert await moved("ecp_signals_total", verdict="UNDECIDED") == 3


async def test_errors_that_clients_are_told_are_counted(
    gateway: Gateway, connect: Connect, moved: Callable[..., Awaitable[float]]
) -> None:
    with pytest.raises(Refusal):
        await connect(gateway, "ecp_nobody_nothing")
    assert await moved("ecp_client_errors_total", code="TRA01") == 1


async def test_without_the_database_it_says_so_and_tells_the_rest(
    gateway: Gateway, connect: Connect, market: Market
) -> None:
    await copied(gateway, connect, market, 1)
    market.db.execute("alter function ops.read_metrics rename to away")
    told = await scrape(gateway)
    assert value(told, "ecp_database_up") == 0
    assert value(told, "ecp_signals_total", verdict="ACCEPTED") > 0
    assert ("ecp_subscriptions", frozenset({("state", "SYNCED")})) not in told
    market.db.execute("alter function ops.away rename to read_metrics")
    assert value(await scrape(gateway), "ecp_database_up") == 1


async def test_a_lost_connection_costs_one_scrape(gateway: Gateway, db: psycopg.Connection[Any]) -> None:
    await scrape(gateway)
    terminate(db, "metrics")
    await scrape(gateway)
    assert value(await scrape(gateway), "ecp_database_up") == 1


# What other exporters tell: Prometheus itself of its targets, node_exporter of the database's host.
FOREIGN = {"up", "node_filesystem_avail_bytes", "node_filesystem_size_bytes"}
QUERIED = re.compile(r"\b(?:ecp|process|node)_\w+\b|\bup\b")


async def test_what_alerts_and_dashboards_ask_for_is_told(
    gateway: Gateway, connect: Connect, market: Market, db: psycopg.Connection[Any]
) -> None:
    """In a plane where something of everything has happened."""
    await copied(gateway, connect, market, 1)
    with pytest.raises(Refusal):
        await connect(gateway, "ecp_nobody_nothing")
    account = market.account("subscriber")
    db.execute("select billing.open_wallet(%s, 'EUR')", [account])
    db.execute("select billing.deposit(%s, 'EUR', 100, 'a key', 'a test')", [account])
    db.execute("insert into ops.totals (name, labels) values ('ecp_transfers_amount_total', '{}')")
    db.execute("insert into ops.totals (name, labels) values ('ecp_protection_events_total', '{}')")
    db.execute("select signals.halt('GLOBAL', null, 'a drill', 'a test')")
    db.execute("select pg_create_physical_replication_slot('left_by_metrics', true)")
    try:
        told = {name for name, _ in await scrape(gateway)}
    finally:
        db.execute("select pg_drop_replication_slot('left_by_metrics')")
    queries = [query for _, panels in DASHBOARDS.values() for panel in panels for query in panel.queries.values()]
    rules = (ROOT / "ops/monitoring/alerts.yml").read_text()
    queries += re.findall(r"^ +expr: (.+?)\n +(?:for|labels):", rules, re.MULTILINE | re.DOTALL)
    asked = {name for query in queries for name in QUERIED.findall(query)}
    assert len(asked) > 40
    assert asked - FOREIGN - told == set()


async def test_names_and_units_are_as_prometheus_has_them(
    gateway: Gateway, connect: Connect, market: Market, promtool: str
) -> None:
    await copied(gateway, connect, market, 1)
    text = await gateway.metrics()
    assert lint(promtool, text) == ""
    names = re.findall(r"^# TYPE (\w+) (\w+)$", text.decode(), re.MULTILINE)
    assert len(names) == len(dict(names)), "each name is told of once"
    assert {name for name, _ in names if not name.startswith(("ecp_", "process_", "python_"))} == set()
    assert {name for name, kind in names if (kind == "counter") != name.endswith("_total")} == set()
    assert {name for name, kind in names if kind == "histogram" and not name.endswith("_seconds")} == set()
