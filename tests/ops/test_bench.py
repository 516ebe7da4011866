"""The benches measure what they say they measure: small runs, whose counts must be right whatever the times."""

import json
import os
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from typer.testing import CliRunner, Result

from ops.bench import capacity, cost, growth, market, overload, population
from ops.bench.dispatch import Result as Dispatched
from ops.cli import app
from ops.errors import Refusal
from ops.postgres import External, Stack

pytestmark = pytest.mark.core


def ecp(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_dispatch_counts_every_decision_and_delivery(database_url: str) -> None:
    count = 2 * len(market.MIX)
    ran = ecp(
        *("--database-url", database_url, "bench", "dispatch", "--json"),
        *("--subscriptions", str(count), "--rate", "10", "--seconds", "1"),
    )
    assert ran.exit_code == 0, ran.output
    said = json.loads(ran.stdout)
    copying = 2 * sum(copies for _, copies in market.MIX)
    assert said["subscriptions"] == count
    assert (said["rate"], said["signals"]) == (10, 10)
    assert (said["decisions"], said["deliveries"]) == (10 * count, 10 * copying)
    assert 0 < said["p50_ms"] <= said["p99_ms"]
    assert set(said["us_per_decision"]) == {"SAME", "FIXED", "MULTIPLIER", "BALANCE_RATIO", "EQUITY_RATIO", "RISK"}
    assert all(us > 0 for us in said["us_per_decision"].values())
    assert said["catch_up_ms"] > 0
    assert said["catch_up_in_step_ms"] > 0
    assert said["machine"]["cores"] == os.cpu_count()
    assert said["machine"]["alone"] > 0
    assert said["machine"]["together"] > 0


def test_what_did_not_arrive_is_said() -> None:
    result = Dispatched(
        subscriptions=2,
        rate=5,
        signals=10,
        decisions=20,
        decisions_expected=20,
        deliveries=19,
        deliveries_expected=20,
        p50_ms=1.0,
        p99_ms=2.0,
        generator_ms=0.1,
        us_per_decision={"SAME": 30.0},
        catch_up_ms=1.0,
        catch_up_in_step_ms=1.0,
    )
    assert not result.complete
    assert "19 of 20 deliveries arrived" in "\n".join(result.lines())


def test_report_counts_every_verdict(database_url: str, db: Connection[object]) -> None:
    ran = ecp(
        *("--database-url", database_url, "bench", "report", "--json"),
        *("--subscriptions", "3", "--rate", "60", "--seconds", "1"),
    )
    assert ran.exit_code == 0, ran.output
    said = json.loads(ran.stdout)
    assert (said["subscriptions"], said["offered"], said["answered"]) == (3, 60, 60)
    assert said["verdicts"] == {"RECORDED": 60}
    assert 0 < said["p50_ms"] <= said["p99_ms"] <= said["max_ms"]
    assert 0 < said["calls"] <= 120
    assert 0 < said["call_p50_ms"] <= said["call_p99_ms"]
    # Those of the warm-up too.
    assert db.execute("select count(*) from signals.reports").fetchone() == (120,)


def test_measuring_costs_leaves_nothing_behind(db: Connection[object]) -> None:
    (master,) = market.masters(db, 1, ttl_ms=500)
    market.accounts(db, len(market.MIX), master.stream_id)
    tables = [
        "signals.decisions", "signals.copies", "signals.positions", "signals.copy_settings", "signals.streams",
        "access.sessions",
    ]  # fmt: skip

    def rows() -> list[object]:
        return [db.execute(f"select count(*) from {table}".encode()).fetchone() for table in tables]

    before = rows()
    cost.catch_up(db)
    assert rows() == before


def test_history_is_what_the_plane_would_have_left(db: Connection[Any]) -> None:
    population.streams(db, 3)
    population.subscriptions(db, 4, followed=2)
    population.history(db, 600)
    population.settle(db)
    kept = ["signals.signals", "signals.decisions", "signals.reports", "signals.copies"]
    counts = [db.execute(f"select count(*) from {table}".encode()).fetchone() for table in kept]
    assert counts == [(600,), (600,), (600,), (300,)]
    assert db.execute("select name, detail from ops.verify() where not ok").fetchall() == []
    # What other tests have open on the same server keeps the seal from what came after it.
    mark = db.execute("select pg_current_xact_id()::text").fetchone()
    assert mark
    while db.execute("select pg_snapshot_xmin(pg_current_snapshot()) <= %s::xid8", mark).fetchone() == (True,):
        pass
    db.execute("select audit.seal()")
    assert db.execute("select sum(rows) from audit.sections where relation = 'signals.decisions'").fetchone() == (600,)


def test_growth_measures_every_step_and_leaves_no_database(server: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "CALLS", 4)
    monkeypatch.setattr(growth, "DECISIONS", 20)
    axes = [
        growth.Axis("history", [100, 200]),
        growth.Axis("subscriptions", [2, 8]),
        growth.Axis("streams", [2, 6]),
    ]
    result = growth.run(server, full=False, rounds=1, axes=axes)
    for axis in axes:
        steps = getattr(result, axis.name)
        assert [step.size for step in steps] == axis.steps
        for step in steps:
            assert 0 < step.ingest_p50_ms <= step.ingest_p99_ms
            assert min(step.ingest_us, step.dispatch_us, step.report_us, step.poll_ms) > 0
            assert {"find_drift", "seal"} <= set(step.jobs_ms)
    assert "S8: a decision" in "\n".join(result.lines())
    with psycopg.connect(server.url("postgres")) as admin:
        assert admin.execute("select datname from pg_database where datname like 'ecp_bench_%'").fetchall() == []


def test_growth_that_is_dearer_falls_short() -> None:
    def step(size: int, p99_ms: float, dispatch_us: float) -> growth.Step:
        return growth.Step(size, 40.0, 2.0, p99_ms, dispatch_us, 100.0, 0.5, {"seal": 20.0}, 0.01)

    held = growth.Result(
        5, [step(1, 5.0, 60), step(9, 6.0, 60)], [step(1, 5, 900), step(9, 5, 60), step(99, 5, 70)], [step(1, 5, 60)]
    )
    assert (held.ingest_p99_ratio, held.dispatch_ratio) == (1.2, 1.17)
    assert not any("falls short" in line for line in held.lines())
    short = growth.Result(
        5, [step(1, 5.0, 60), step(9, 6.1, 60)], [step(1, 5, 900), step(9, 5, 60), step(99, 5, 80)], [step(1, 5, 60)]
    )
    assert sum("falls short" in line for line in short.lines()) == 2


def test_growth_needs_a_server_of_its_own(database_url: str) -> None:
    with pytest.raises(Refusal, match="TRD09"):
        growth.run(External(database_url), full=False, rounds=1)


def test_capacity_predicts_what_it_was_not_fitted_to(server: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """On small planes: that the prediction is near is the bench's to show, for here are few calls."""
    for name, value in {"SMALL": 16, "LARGE": 96, "UNSEEN": 48, "CONNECTIONS": 20}.items():
        monkeypatch.setattr(capacity, name, value)
    result = capacity.run(server, rounds=1)
    assert list(result.costs) == ["signal", "decision", "report", "heartbeat"]
    for cost_of in result.costs.values():
        assert cost_of.wal_bytes > 100
    assert [(check.operation, check.items) for check in result.checks] == [
        ("signal", 1_000), ("decision", 4 * 48), ("report", 4 * 48), ("heartbeat", 48)
    ]  # fmt: skip
    assert [need.subscribers for need in result.needs] == capacity.SUBSCRIBERS
    small, _, large = result.needs
    assert large.disk_gb_day > 900 * small.disk_gb_day
    assert any(line.startswith("| all |") for line in result.lines())


def test_a_need_is_rates_times_costs() -> None:
    costs = {
        "signal": capacity.Cost(0, 10, 400, 300),
        "decision": capacity.Cost(100, 50, 1_000, 900),
        "report": capacity.Cost(0, 100, 2_000, 700),
        "heartbeat": capacity.Cost(0, 20, 500, 0),
    }
    behaviour = capacity.Behaviour(followers=100, signals_a_day=864, peak=10, beat_s=10, batch=10, lanes=10)
    need = capacity.need(1_000, behaviour, costs, jobs_us=30, seal_us=5, connection_kb=20)
    # A stream signals 0.1 times a second at the peak, so ten do once, and 100 subscribers each decide and report.
    assert (need.streams, need.signals_s, need.decisions_s, need.beats_s) == (10, 1, 100, 100)
    us = 10 + 100 * (100 / 10 + 50) + 100 * 100 + 100 * 20 + 5 * (1 + 100 + 100) + 30 * 1_000
    assert need.cores == pytest.approx(us / 1e6, abs=1e-3)
    assert need.wal_mb_s == pytest.approx((400 + 100 * 1_000 + 100 * 2_000 + 100 * 500) / 1e6, abs=1e-3)
    assert need.disk_gb_day == pytest.approx((8_640 * 300 + 864_000 * (900 + 700)) / 1e9, abs=1e-3)
    assert need.gateway_gb == pytest.approx(20 * 1_010 / 1e6, abs=1e-3)


def test_overload_sheds_openings_and_is_over_soon(database_url: str) -> None:
    """That closes are in time is the bench's to show, on a machine of its own."""
    result = overload.run(External(database_url), seconds=1.0)
    assert result.capacity > 0
    assert result.closes > 0
    assert result.closes_refused == 0
    assert result.openings["ACCEPTED"] > 0
    assert result.idle_mb <= result.peak_mb < result.idle_mb + 64
    assert result.recovered_s < 30
