"""`ecp serve`: the TCP protocol and the HTTP API in one process, or either alone."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from typer.testing import CliRunner

from ops.cli import app

pytestmark = pytest.mark.core


def ecp(database_url: str, *arguments: str) -> list[str]:
    """In a process of its own, for whose logging it decides."""
    return [sys.executable, "-m", "ops", "--database-url", database_url, *arguments]


@contextmanager
def serving(database_url: str, *options: str, lines: int) -> Iterator[list[str]]:
    """What it says first; then it is asked to stop, and does."""
    command = ecp(database_url, "serve", *options)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as started:
        assert started.stdout is not None
        try:
            yield [started.stdout.readline().strip() for _ in range(lines)]
        finally:
            started.terminate()
            assert started.wait(60) == 0


def test_both_in_one_process(database_url: str) -> None:
    with serving(database_url, "--port", "0", "--http-port", "0", lines=2) as (tcp, http):
        assert tcp.startswith("listening on 127.0.0.1:")
        assert http.startswith("http://127.0.0.1:")
        assert httpx.get(f"{http}/health").json() == {"status": "ok"}
        assert httpx.get(f"{http}/ready").json() == {"status": "ok"}


def test_each_alone(database_url: str) -> None:
    with serving(database_url, "--no-tcp", "--http-port", "0", lines=1) as (http,):
        assert httpx.get(f"{http}/ready").json() == {"status": "ok"}
    with serving(database_url, "--no-http", "--port", "0", lines=1) as (tcp,):
        assert tcp.startswith("listening on ")


def test_nothing_is_left_to_serve() -> None:
    ran = CliRunner().invoke(app, ["serve", "--no-tcp", "--no-http"])
    assert ran.exit_code == 2


def test_an_address_that_is_taken(database_url: str) -> None:
    with serving(database_url, "--no-tcp", "--http-port", "0", lines=1) as (http,):
        command = ecp(database_url, "serve", "--no-tcp", "--http-port", http.rpartition(":")[2])
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "TRD13" in refused.stderr
