"""`ecp` says what it does in lines, and what went wrong in one line and a hint."""

import json

import pytest
from typer.testing import CliRunner, Result

from ops.cli import app
from ops.schema import deploy

pytestmark = pytest.mark.core


def ecp(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_deploy_and_status(empty_url: str) -> None:
    target = ("--database-url", empty_url)
    assert ecp(*target, "status").exit_code == 1

    dry = ecp(*target, "deploy", "--dry-run")
    assert dry.exit_code == 0
    assert "create   signals.ingest" in dry.output.splitlines()
    assert json.loads(ecp(*target, "deploy", "--dry-run", "--json").stdout)["steps"] == dry.output.splitlines()[:-1]
    assert "nothing deployed" in ecp(*target, "status").output
    pending = json.loads(ecp(*target, "status", "--json").stdout)["pending"]
    assert "create   signals.ingest" in pending

    assert ecp(*target, "deploy").output.splitlines()[-1] == f"deployed {deploy.fingerprint()[:12]}"
    assert ecp(*target, "deploy").output.splitlines() == ["nothing to do"]
    assert ecp(*target, "deploy", "--dry-run").output.splitlines() == ["nothing to do"]
    status = ecp(*target, "status")
    assert status.exit_code == 0
    assert "pending" not in status.output


def test_status_names_what_was_changed_by_hand(empty_url: str) -> None:
    target = ("--database-url", empty_url)
    ecp(*target, "deploy")
    with deploy.connect(empty_url) as connection:
        connection.execute("alter function core.now() cost 7")
    status = ecp(*target, "status")
    assert status.exit_code == 1
    assert "drift    functions/core/now.sql" in status.output.splitlines()
    assert json.loads(ecp(*target, "status", "--json").stdout)["drift"] == ["functions/core/now.sql"]
    assert "TRD05" in ecp(*target, "deploy").output


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--database-url", "postgresql://127.0.0.1:1/none", "status"), "TRD01"),
        (("--database-url", "postgresql://127.0.0.1:1/none", "deploy"), "TRD01"),
        (("--database-url", "not a url", "deploy"), "TRD01"),
        (("--database-url", "postgresql://127.0.0.1:1/none", "pg", "stop"), "TRD09"),
        (("whatif", "1", "--settings", "risk"), "TRS20"),
        (("whatif", "1", "--settings", '["RISK"]'), "TRS20"),
    ],
)
def test_what_went_wrong_is_a_line_and_a_hint(arguments: tuple[str, ...], code: str) -> None:
    result = ecp(*arguments)
    assert result.exit_code == 1
    first, second = result.output.splitlines()
    assert first.startswith(f"ecp: {code} ")
    assert second.startswith("hint: ")


def test_a_database_that_is_missing_is_named(empty_url: str) -> None:
    result = ecp("--database-url", empty_url.replace("/test_", "/no_such_"), "deploy")
    assert result.exit_code == 1
    assert "does not exist" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("--stack", "huge", "status"),
        ("deploy", "--lanes", "0"),
        ("pg", "dance"),
        ("explain", "1"),
        ("explain", "1", "1"),
        ("explain", "1", "1", "1", "--delivery", "1"),
        ("explain", "1", "--delivery", "0"),
        ("whatif", "1"),
        ("whatif", "1", "--settings", "{}", "--day", "yesterday"),
        ("whatif", "1", "--settings", "{}", "--day", "2026-11-20", "--from", "2026-11-20"),
        ("whatif", "1", "--settings", "{}", "--from", "2026-11-20", "--to", "2026-11-20"),
        ("bench", "dispatch", "--subscriptions", "0"),
        ("bench", "ingest", "--plot", "bars.svg"),
    ],
)
def test_usage_errors_exit_with_2(arguments: tuple[str, ...]) -> None:
    # A server that is not there: what gets past the arguments would exit with 1.
    assert ecp("--database-url", "postgresql://127.0.0.1:1/none", *arguments).exit_code == 2
