"""What a run is said to have done is what its records say."""

from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from ops.cli import app
from ops.torture import report
from ops.torture.catalogue import CONTROLS, FAULTS
from ops.torture.entry import POINTS
from ops.torture.fault import Outcome

HEADER = {"run": "r", "stack": "embedded", "full": True, "seed": 7, "date": "2026-01-01", "machine": "a machine"}


def lap(**more: Any) -> dict[str, Any]:
    record = {"id": "C2", "first": 1, "rounds": 10, "injected": 10, "checked": {"acked signals": 1000}}
    return record | {"measured": {"ready s": 1.5}, "breaches": [], "seconds": 1.0} | more


def test_laps_are_added_up_and_the_worst_is_kept(tmp_path: Path) -> None:
    records = [HEADER, lap(), lap(first=11, rounds=5, injected=5, measured={"ready s": 2.5})]
    page = tmp_path / "reliability.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.write(records, page)
    said = page.read_text()
    assert "| 15 kills | 2,000 acked signals | ready s 2.5 | 0 |" in said
    assert "seed 7" in said
    assert "a machine" in said
    assert "old" not in said
    assert said.startswith("before\n")
    assert said.endswith("after\n")
    assert report.holds(records)
    assert "all of it holds" in "\n".join(report.lines(records))


def test_one_breach_and_it_does_not_hold() -> None:
    records = [HEADER, lap(), lap(first=11, breaches=["lost ack: 1: 1/1"])]
    assert not report.holds(records)
    assert "BROKEN" in "\n".join(report.lines(records))
    assert "FAIL lost ack: 1: 1/1" in report.progress(records[2], 200)


def test_the_worst_of_what_was_measured_is_held_against_its_limit() -> None:
    outcome = Outcome()
    for value in (1, 11, 2):
        outcome.measure("ready s", value, 10)
    outcome.measure("of no matter", 99)
    assert outcome.breaches == ["ready s 11 is more than 10"]


def test_the_catalogue_has_its_full_counts() -> None:
    full = {fault.id: fault.full.rounds * fault.full.size for fault in FAULTS}
    assert full["C1"] == 300
    assert full["C2"] == 200
    assert full["C3"] == 100 * len(POINTS)
    assert full["N1"] == 10_000
    assert full["N2"] == 1000
    assert full["N3"] == 1_000_000
    assert full["K1"] == 1000
    assert full["K2"] == 1_000_000
    ids = [*full, *(control.id for control in CONTROLS)]
    assert len(ids) == len(set(ids))


def test_what_is_not_there_is_refused() -> None:
    ran = CliRunner().invoke(app, ["torture", "--only", "C1,Z9"])
    assert ran.exit_code == 2
    assert "Z9 is none of" in ran.output
