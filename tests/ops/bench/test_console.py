"""Browsers are told what happens while signals come in, and the same gateway acks them."""

import json

import pytest
from typer.testing import CliRunner

from ops.cli import app

pytestmark = pytest.mark.core

LONGER_THAN_A_BEAT = "6"


def test_browsers_watch_while_signals_are_acked(database_url: str) -> None:
    ran = CliRunner().invoke(
        app,
        [
            *("--database-url", database_url, "bench", "console", "--json"),
            *("--browsers", "20", "--rate", "50", "--seconds", LONGER_THAN_A_BEAT, "--rounds", "1"),
        ],
    )
    said = json.loads(ran.stdout)
    assert ran.exit_code == (said["p99_ratio"] > 2), ran.output
    assert (said["browsers"], said["rate"]) == (20, 50)
    assert said["readings"] >= 20 * said["least"] > 0
    for acks in (said["alone"], said["watched"]):
        assert 0 < acks["p50_ms"] <= acks["p99_ms"] <= acks["max_ms"]
    assert said["p99_ratio"] > 0
