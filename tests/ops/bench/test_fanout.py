"""Fan-out is measured to the last delivery, and every decision is counted."""

import json
import resource
from pathlib import Path

import pytest
from psycopg import Connection
from typer.testing import CliRunner

from ops import serve
from ops.bench import fanout
from ops.cli import app
from ops.errors import Refusal

pytestmark = pytest.mark.core


@pytest.mark.parametrize("gateways", [1, 2])
def test_every_subscriber_gets_every_signal(database_url: str, db: Connection[object], gateways: int) -> None:
    ran = CliRunner().invoke(
        app,
        [
            *("--database-url", database_url, "bench", "fanout", "--json", "--gateways", str(gateways)),
            *("--subscribers", "30", "--rate", "5", "--seconds", "1"),
        ],
    )
    assert ran.exit_code == 0, ran.output
    said = json.loads(ran.stdout)
    assert (said["subscribers"], said["gateways"], said["signals"]) == (30, gateways, 5)
    assert (said["decisions"], said["deliveries"]) == (150, 150)
    assert 0 < said["first_p50_ms"] <= said["p50_ms"] <= said["p99_ms"] <= said["max_ms"]
    assert 0 < said["rate"] <= 150
    # Each on a session of its own, the master too, and with two gateways on both of them.
    assert db.execute("select count(*), count(distinct gateway) from access.sessions").fetchone() == (31, gateways)


def test_what_did_not_arrive_is_said() -> None:
    result = fanout.Result(
        subscribers=2,
        gateways=1,
        signals_rate=3,
        signals=10,
        rate=6.0,
        p50_ms=1.0,
        p99_ms=2.0,
        max_ms=2.0,
        first_p50_ms=0.5,
        decisions=20,
        decisions_expected=20,
        deliveries=19,
        deliveries_expected=20,
        connected_s=0.1,
    )
    assert not result.complete
    assert "19 of 20 deliveries arrived" in "\n".join(result.lines())


def test_too_few_descriptors_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("not allowed")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (10, 10))
    with pytest.raises(Refusal, match="TRD19"):
        fanout.allow_descriptors(11)


def test_a_gateway_takes_all_the_descriptors_that_it_may(database_url: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    try:
        with serve.process(database_url) as served:
            (line,) = [
                line for line in Path(f"/proc/{served.pid}/limits").read_text().splitlines() if "open files" in line
            ]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert line.split()[3:5] == [str(hard), str(hard)]
