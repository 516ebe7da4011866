"""`ecp audit` exports the head of the chain, and tells an auditor what was changed since."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from typer.testing import CliRunner, Result

from ops.cli import app
from ops.postgres import Stack
from tests.db.plane import Plane

pytestmark = pytest.mark.core


@pytest.fixture
def sealed(database_url: str) -> Iterator[Plane]:
    with Plane(database_url) as plane:
        plane.account("provider", name="early")
        plane.seal()
        yield plane


def audit(plane: Plane, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--database-url", plane.url, "audit", *arguments])


def tamper(plane: Plane, statement: str) -> None:
    with plane.admin.transaction():
        plane.admin.execute("set local session_replication_role = replica")
        plane.admin.execute(statement.encode())


def test_a_head_is_a_json_object_and_in_a_file_the_same(sealed: Plane, tmp_path: Path) -> None:
    printed = json.loads(audit(sealed, "export-head").stdout)
    number, digest = sealed.rows("select number, encode(hash, 'hex') from audit.head()")[0]
    assert printed == {"number": number, "hash": digest, "sealed_at": "2026-01-05T12:00:00Z"}
    file = tmp_path / "head.json"
    assert audit(sealed, "export-head", "--out", str(file)).stdout == f"block 1 of 2026-01-05T12:00:00Z, in {file}\n"
    assert json.loads(file.read_text()) == printed


def test_what_holds(sealed: Plane, tmp_path: Path) -> None:
    result = audit(sealed, "verify")
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    assert first == "the chain holds, up to block 1 of 2026-01-05T12:00:00Z"
    assert second.startswith("without --head")
    file = tmp_path / "head.json"
    audit(sealed, "export-head", "--out", str(file))
    assert audit(sealed, "verify", "--head", str(file)).stdout.splitlines() == [first]
    said = json.loads(audit(sealed, "verify", "--head", str(file), "--json").stdout)
    head = json.loads(file.read_text())
    assert said == {"ok": True, "newest": head, "head": head, "violations": [], "retired": []}


def test_what_was_changed_is_named(sealed: Plane) -> None:
    tamper(sealed, "update audit.records set actor = 'somebody else'")
    result = audit(sealed, "verify")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "FAIL  audit.records, block 1: one or more of 1 rows were changed",
        "1 violations",
    ]
    said = json.loads(audit(sealed, "verify", "--json").stdout)
    assert not said["ok"]
    assert said["violations"] == [
        {"relation": "audit.records", "number": 1, "violation": "one or more of 1 rows were changed"}
    ]


def test_what_is_gone_by_retention_is_said(sealed: Plane) -> None:
    master = sealed.master()
    for _ in range(3):
        master.does("OPEN")
    sealed.seal()
    sealed.tick(days=32)
    sealed.admin.execute(
        "with gone as (delete from signals.signals as s where s.seq < 3 returning s as gone)"
        " select audit.bury('signals.signals', array_agg(g.gone)) from gone as g"
    )
    result = audit(sealed, "verify")
    assert result.exit_code == 0, result.stdout
    assert result.stdout.splitlines()[0] == "gone by retention: 2 rows of signals.signals, up to block 2"
    assert result.stdout.splitlines()[1].startswith("the chain holds, up to block 2 ")
    said = json.loads(audit(sealed, "verify", "--json").stdout)
    assert said["ok"]
    assert said["retired"] == [{"relation": "signals.signals", "rows": 2, "number": 2}]


def test_only_the_head_shows_that_the_chain_was_cut(sealed: Plane, tmp_path: Path) -> None:
    file = tmp_path / "head.json"
    audit(sealed, "export-head", "--out", str(file))
    tamper(sealed, "delete from audit.sections; delete from audit.seals; delete from audit.records")
    assert audit(sealed, "verify").stdout == "nothing is sealed yet\n"
    result = audit(sealed, "verify", "--head", str(file))
    assert result.exit_code == 1
    assert "audit.seals, block 1: is missing: the chain was cut" in result.stdout


@pytest.mark.parametrize("text", [None, "", "[]", '{"number": 1}', '{"number": 1, "hash": "no", "sealed_at": ""}'])
def test_a_file_that_is_no_head_is_refused(sealed: Plane, tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "head.json"
    if text is not None:
        file.write_text(text)
    result = audit(sealed, "verify", "--head", str(file))
    assert result.exit_code == 1
    assert result.stderr.startswith("ecp: TRH05 ")


def test_before_the_first_block_there_is_no_head(database_url: str) -> None:
    result = CliRunner().invoke(app, ["--database-url", database_url, "audit", "export-head"])
    assert (result.exit_code, result.stderr[:11]) == (1, "ecp: TRH04 ")


def test_a_database_without_the_plane(empty_url: str) -> None:
    for command in ("verify", "export-head"):
        result = CliRunner().invoke(app, ["--database-url", empty_url, "audit", command])
        assert (result.exit_code, result.stderr[:11]) == (1, "ecp: TRD04 ")


def test_an_auditor_s_login_is_enough(sealed: Plane, server: Stack) -> None:
    url = server.url(str(conninfo_to_dict(sealed.url)["dbname"]), user="ecp_auditor")
    for command in ("verify", "export-head"):
        assert CliRunner().invoke(app, ["--database-url", url, "audit", command]).exit_code == 0
