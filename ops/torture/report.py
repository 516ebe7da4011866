"""What a run injected, checked and found: for the terminal, and for docs/reliability.md."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ops.paths import ROOT
from ops.torture.catalogue import CONTROLS, FAULTS

Record = dict[str, Any]

PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- torture: begin -->", "<!-- torture: end -->"


def progress(record: Record, rounds: int) -> str:
    """One lap or control, as soon as it is over."""
    last = max(record["first"], 1) + record["rounds"] - 1
    said = [f"{record['id']:<3} {last} of {rounds}", *_figures(record), f"{record['seconds']} s"]
    breaches = [f"\n      FAIL {breach}" for breach in record["breaches"]]
    found = [f"\n      found, as it must be: {found}" for found in record.get("found", []) if not breaches]
    return ", ".join(said) + "".join(breaches or found)


def holds(records: list[Record]) -> bool:
    return not any(record["breaches"] for record in records[1:])


def lines(records: list[Record]) -> Iterator[str]:
    """The whole run, for people."""
    header = records[0]
    yield ""
    for cells in _rows(records):
        yield "  ".join(cell for cell in cells if cell)
    yield f"{'all of it holds' if holds(records) else 'BROKEN'}; seed {header['seed']}; {header['machine']}"


def write(records: list[Record], page: Path = PAGE) -> None:
    """Put the table into docs/reliability.md, between its markers."""
    text = page.read_text()
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    page.write_text(f"{before}{BEGIN}\n{table(records)}\n{END}{after}")


def table(records: list[Record]) -> str:
    """It as Markdown, with where it comes from."""
    header = records[0]
    form = "--full" if header["full"] else "the short form"
    rows = "\n".join("| " + " | ".join(cells) + " |" for cells in _rows(records))
    return (
        f"`ecp torture` ({form}), stack {header['stack']}, {header['date']}, seed {header['seed']}; "
        f"{header['machine']}.\n"
        "\n| id | what | injected | checked | measured, at most | broken |\n|---|---|---|---|---|---|\n" + rows
    )


def _rows(records: list[Record]) -> Iterator[tuple[str, ...]]:
    for fault in FAULTS:
        if laps := [record for record in records[1:] if record["id"] == fault.id]:
            one = _sum(laps)
            injected = f"{one['injected']:,} {fault.unit}"
            broken = "0" if not one["breaches"] else "; ".join(one["breaches"])
            yield fault.id, fault.what, injected, _checked(one), _measured(one), broken
    for control in CONTROLS:
        for one in (record for record in records[1:] if record["id"] == control.id):
            if one["breaches"]:
                verdict = "; ".join(one["breaches"])
            else:
                verdict = "nothing, as it must be" if not control.finds else f"found: {one['found'][0]}"
            yield control.id, control.what, "1", _checked(one), "", verdict


def _sum(laps: Iterable[Record]) -> Record:
    checked: Counter[str] = Counter()
    measured: dict[str, float] = {}
    one: Record = {"injected": 0, "breaches": []}
    for lap in laps:
        one["injected"] += lap["injected"]
        one["breaches"] += lap["breaches"]
        checked.update(lap["checked"])
        for name, value in lap["measured"].items():
            measured[name] = max(value, measured.get(name, 0.0))
    return one | {"checked": checked, "measured": measured}


def _figures(record: Record) -> list[str]:
    return [figure for figure in (f"{record['injected']:,} injected", _checked(record), _measured(record)) if figure]


def _checked(record: Record) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in record["checked"].items() if count)


def _measured(record: Record) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in record["measured"].items())
