"""`ecp statement`: what an account paid, or earned, and what for."""

import csv
import io
import json

import pytest
from typer.testing import CliRunner, Result

from ops.cli import app
from tests.db.plane import Copier, Plane

pytestmark = pytest.mark.core


def ecp(own_plane: Plane, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--database-url", own_plane.url, "statement", *arguments])


@pytest.fixture
def payer(own_plane: Plane) -> Copier:
    """Has paid in 10 in December and 5 this month."""
    master = own_plane.master(lane=1)
    copier = own_plane.copier(master)
    own_plane.value("select billing.open_wallet(%s, 'USD')", copier.account)
    own_plane.tick(days=-10)
    own_plane.value("select billing.deposit(%s, 'USD', 10, 'psp-1', 'adapter')", copier.account)
    own_plane.tick(days=10)
    own_plane.value("select billing.deposit(%s, 'USD', 5, 'psp-2', 'adapter')", copier.account)
    own_plane.tick(seconds=1)
    return copier


def test_it_is_this_month_unless_another_time_is_given(own_plane: Plane, payer: Copier) -> None:
    shown = ecp(own_plane, str(payer.account))
    assert shown.exit_code == 0, shown.output
    head, opening, deposit, closing = shown.stdout.splitlines()
    assert head.split() == ["occurred_at", "kind", "what", "change", "balance", "transfer_id"]
    assert opening.startswith("2026-01-01 00:00:00+00:00  OPENING")
    assert deposit.split()[2:6] == ["DEPOSIT", "psp-2,", "by", "adapter"]
    assert closing.startswith("2026-01-05 12:00:01+00:00  CLOSING")
    before = ecp(own_plane, str(payer.account), "--from", "2025-12-01", "--to", "2026-01-01", "--json")
    rows = json.loads(before.stdout)["rows"]
    assert [(row[1], row[4]) for row in rows] == [("OPENING", "0"), ("DEPOSIT", "10"), ("CLOSING", "10")]


def test_a_spreadsheet_reads_it(own_plane: Plane, payer: Copier) -> None:
    shown = ecp(own_plane, str(payer.account), "--csv")
    rows = list(csv.DictReader(io.StringIO(shown.stdout)))
    assert [(row["kind"], row["change"], row["balance"]) for row in rows] == [
        ("OPENING", "", "10"), ("DEPOSIT", "5", "15"), ("CLOSING", "", "15"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--currency", "EUR"], "TRB08"), (["--earnings"], "TRB08"), (["--from", "2027-01-01"], "TRS36")],
)
def test_what_there_is_not_is_said(own_plane: Plane, payer: Copier, arguments: list[str], code: str) -> None:
    refused = ecp(own_plane, str(payer.account), *arguments)
    assert refused.exit_code == 1
    assert code in refused.stderr
