"""Every notification is heard by every listener."""

import json

import pytest
from typer.testing import CliRunner

from ops.cli import app

pytestmark = pytest.mark.core


@pytest.mark.parametrize("listeners", [1, 3])
def test_every_notification_is_heard(database_url: str, listeners: int) -> None:
    ran = CliRunner().invoke(
        app,
        [
            *("--database-url", database_url, "bench", "notify", "--json"),
            *("--rate", "100", "--seconds", "0.5", "--listeners", str(listeners)),
        ],
    )
    assert ran.exit_code == 0, ran.output
    said = json.loads(ran.stdout)
    assert (said["listeners"], said["offered"], said["heard"]) == (listeners, 50, 50)
    assert said["rate"] > 0
    assert 0 < said["p50_ms"] <= said["p99_ms"] <= said["max_ms"]
