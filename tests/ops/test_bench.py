"""The benches measure what they say they measure: small runs, whose counts must be right whatever the times."""

import json
import os

import pytest
from psycopg import Connection
from typer.testing import CliRunner, Result

from ops.bench import cost, market
from ops.bench.dispatch import Result as Dispatched
from ops.cli import app

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
