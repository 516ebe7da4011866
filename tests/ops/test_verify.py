"""`ecp verify` names what does not hold, and `ecp explain` says why in one row."""

import json
from typing import Any

import pytest
from psycopg import Connection
from typer.testing import CliRunner, Result

from ops import verify
from ops.cli import app

pytestmark = pytest.mark.core

COPIED = "select subscription_id, epoch, seq from signals.decisions where action = 'OPEN' and delivery_seq = 1"


def ecp(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def played(database_url: str) -> str:
    """A database in which trades were copied."""
    assert ecp("--database-url", database_url, "demo", "--json", "--limit", "200").exit_code == 0
    return database_url


def test_every_invariant_has_a_line(database_url: str) -> None:
    result = ecp("--database-url", database_url, "verify")
    assert result.exit_code == 0
    *lines, last = result.stdout.splitlines()
    assert last == "every invariant holds"
    assert len(lines) >= 20
    assert all(line.startswith("ok  ") for line in lines)


# Negative controls: each breaks a rule by hand, as nobody but a superuser can.
CORRUPTIONS = {
    "signatures_hold": "update signals.signals set payload = payload || '\\x00' where seq = 1",
    "sequence_has_no_holes": "delete from signals.signals where seq = 2",
    "head_is_newest_signal": "update signals.stream_heads set last_seq = last_seq + 1",
    "every_eligible_signal_is_decided": "delete from signals.decisions where seq = 1",
    "deliveries_count_without_holes": "update signals.decisions set delivery_seq = 10000 where delivery_seq = 1",
    "every_lot_is_explained": "update signals.decisions set volume = volume + 1 where action = 'OPEN'",
    "reports_answer_deliveries": "update signals.reports set delivery_seq = 10000 where delivery_seq = 1",
    "excess_fills_are_recorded": "update signals.reports set volume = volume + 100 where volume > 0",
    "copies_stand_where_reports_left_them": "update signals.copies set ticket = null",
}


def test_a_corrupted_row_is_named(played: str, db: Connection[Any]) -> None:
    assert [check for check in verify.read(db) if not check.ok] == []
    for name, corrupt in CORRUPTIONS.items():
        with db.transaction(force_rollback=True):
            assert db.execute(corrupt.encode()).rowcount > 0
            (found,) = (check for check in verify.read(db) if check.name == name)
        assert not found.ok, name
        assert "offending" in found.detail

    db.execute(CORRUPTIONS["signatures_hold"].encode())
    result = ecp("--database-url", played, "verify")
    assert result.exit_code == 1
    *lines, last = result.stdout.splitlines()
    failing = [line.split()[1] for line in lines if line.startswith("FAIL")]
    # Whether the chain fails too depends on whether the row was sealed in time.
    assert set(failing) - {"chain_holds"} == {"signatures_hold"}
    assert last == f"{len(failing)} of {len(lines)} invariants do not hold"

    result = ecp("--database-url", played, "verify", "--json")
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert said["ok"] is False
    assert [check["name"] for check in said["checks"] if not check["ok"]] == failing


def test_explain_in_lines_and_as_json_also_of_what_is_not_there(played: str, db: Connection[Any]) -> None:
    row = db.execute(COPIED.encode()).fetchone()
    assert row is not None
    where = [str(number) for number in row]
    told = ecp("--database-url", played, "explain", *where)
    assert told.exit_code == 0
    lines = told.stdout.splitlines()
    assert "action            OPEN" in lines

    said = json.loads(ecp("--database-url", played, "explain", *where, "--json").stdout)
    assert [said["subscription_id"], said["epoch"], said["seq"]] == list(row)
    assert lines[:2] == [said["sentence"], f"  {said['formula']}"]
    assert isinstance(said["master_volume"], str)

    missing = ecp("--database-url", played, "explain", "999999", "1", "1")
    assert missing.exit_code == 1
    assert missing.stderr.startswith("ecp: TRS17 there is no subscription 999999")

    assert "no such signal" in ecp("--database-url", played, "explain", str(row[0]), "1", "999999").stdout


@pytest.mark.parametrize("command", [("verify",), ("verify", "--json"), ("explain", "1", "1", "1")])
@pytest.mark.parametrize(
    ("url", "code"), [("postgresql://127.0.0.1:1/none", "TRD01"), (None, "TRD04")], ids=["away", "not deployed"]
)
def test_a_database_that_does_not_suit(empty_url: str, url: str | None, code: str, command: tuple[str, ...]) -> None:
    result = ecp("--database-url", url or empty_url, *command)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(f"ecp: {code} ")
