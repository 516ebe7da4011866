"""`ecp torture`: every fault, then every control; what was done is kept line by line, so that it can go on later.

Rounds are done in laps of at most `LAP`, each in a world of its own: what is compared stays small, and what was
interrupted is done again from the lap's beginning.
"""

import asyncio
import fcntl
import json
import secrets
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

import typer
import uvloop

from ops.bench import machine
from ops.paths import VAR
from ops.postgres import StackName
from ops.torture import report, world
from ops.torture.catalogue import CONTROLS, FAULTS
from ops.torture.controls import Control
from ops.torture.fault import Fault, Turn
from ops.torture.server import Server

HOME = VAR / "torture"
LAP = 10
PATIENCE_S = {False: 600.0, True: 6 * 3600.0}
"""A round that takes longer has failed, in the short form and in the full one."""

Record = dict[str, Any]


def run(stack: StackName, *, full: bool, only: set[str], seed: int | None, resume: bool, write: bool) -> None:
    """Exit status 1 if a promise was broken, or a control not noticed."""
    known = {fault.id for fault in FAULTS} | {control.id for control in CONTROLS}
    if unknown := only - known:
        raise typer.BadParameter(f"{', '.join(sorted(unknown))} is none of {', '.join(sorted(known))}")
    with _alone():
        directory, records = _resumed() if resume else _begun(stack, full=full, only=only, seed=seed)
        header = records[0]
        typer.echo(f"seed {header['seed']}, {'full' if header['full'] else 'short'} form, in {directory}")
        uvloop.run(_run(directory, records))
    for line in report.lines(records):
        typer.echo(line)
    if write:
        report.write(records)
    if not report.holds(records):
        raise typer.Exit(1)


@contextmanager
def _alone() -> Iterator[None]:
    """One run at a time: they would kill each other's server."""
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise typer.BadParameter("another run is under way in this checkout") from None
        yield


def _begun(stack: StackName, *, full: bool, only: set[str], seed: int | None) -> tuple[Path, list[Record]]:
    now = datetime.now(UTC)
    directory = HOME / f"{now:%Y%m%dT%H%M%S}"
    directory.mkdir(parents=True)
    header = {
        "run": directory.name,
        "stack": stack,
        "full": full,
        "only": sorted(only),
        "seed": secrets.randbits(32) if seed is None else seed,
        "date": f"{now:%Y-%m-%d}",
        "machine": machine.measure().line(),
    }
    records: list[Record] = []
    _keep(directory, records, header)
    return directory, records


def _resumed() -> tuple[Path, list[Record]]:
    """The newest run, as far as it came."""
    states = sorted(HOME.glob("*/state.jsonl"))
    if not states:
        raise typer.BadParameter("there is no run to resume")
    return states[-1].parent, [json.loads(line) for line in states[-1].read_text().splitlines()]


def _keep(directory: Path, records: list[Record], record: Record) -> None:
    records.append(record)
    with (directory / "state.jsonl").open("a") as state:
        state.write(json.dumps(record) + "\n")


async def _run(directory: Path, records: list[Record]) -> None:
    header = records[0]
    chosen = set(header["only"])
    done = {(record["id"], record["first"]) for record in records[1:]}
    server = Server(header["stack"])
    await server.start()
    try:
        for fault in FAULTS:
            if chosen and fault.id not in chosen:
                continue
            amount = fault.full if header["full"] else fault.short
            for first in range(1, amount.rounds + 1, LAP):
                if (fault.id, first) in done:
                    continue
                turns = [Turn(number, amount.size) for number in range(first, min(first + LAP, amount.rounds + 1))]
                record = await _lap(server, fault, turns, directory / f"{fault.id}-{first}", header)
                _keep(directory, records, record)
                typer.echo(report.progress(record, amount.rounds))
        for control in CONTROLS:
            wanted = control.id in chosen if chosen else header["full"] or control.is_short
            if not wanted or (control.id, 0) in done:
                continue
            record = await _control(header["stack"], control, directory / f"control-{control.id}", header)
            _keep(directory, records, record)
            typer.echo(report.progress(record, 1))
    finally:
        # What broke can be looked at; the last database is as it was then.
        if report.holds(records):
            await server.remove()
        else:
            await server.stop()


async def _lap(server: Server, fault: Fault, turns: list[Turn], directory: Path, header: Record) -> Record:
    began, seed = monotonic(), header["seed"]
    shutil.rmtree(directory, ignore_errors=True)
    breaches: list[str] = []
    measured: dict[str, float] = {}
    injected = rounds = 0
    checked: Counter[str] = Counter()
    await server.start()
    async with world.opened(
        server, directory, f"{seed} {fault.id}", masters=fault.masters, followers=fault.followers
    ) as plane:
        for turn in turns:
            dice = Random(f"{seed} {fault.id} {turn.number}")
            with _told(breaches, f"round {turn.number}"):
                async with asyncio.timeout(PATIENCE_S[header["full"]]):
                    plane.load.go()
                    outcome = await fault.inject(plane, dice, turn)
                    breaches += outcome.breaches
                    injected += outcome.injected
                    for name, value in outcome.measured.items():
                        measured[name] = max(value, measured.get(name, 0.0))
                    breaches += await plane.settle()
                    await plane.resend()
                    found = plane.check(invariants=turn is turns[-1])
                    breaches += found.breaches
                    checked = found.checked
            rounds += 1
            if breaches:
                break
    return {
        "id": fault.id,
        "first": turns[0].number,
        "rounds": rounds,
        "injected": injected,
        "checked": checked,
        "measured": measured,
        "breaches": breaches,
        "seconds": round(monotonic() - began, 1),
    }


async def _control(stack: StackName, control: Control, directory: Path, header: Record) -> Record:
    began, seed = monotonic(), header["seed"]
    shutil.rmtree(directory, ignore_errors=True)
    found: list[str] = []
    failed: list[str] = []
    checked: Counter[str] = Counter()
    with _told(failed, "control"):
        async with asyncio.timeout(PATIENCE_S[header["full"]]):
            findings = await control.run(stack, directory, Random(f"{seed} {control.id}"))
            found, checked = findings.about(control.finds) if control.finds else [], findings.checked
            if not control.finds:
                failed += findings.breaches
            elif not found:
                failed.append(f"the checker found no {control.finds}; it found: {findings.breaches}")
    return {
        "id": control.id,
        "first": 0,
        "rounds": 1,
        "injected": 1,
        "checked": checked,
        "measured": {},
        "found": found,
        "breaches": failed,
        "seconds": round(monotonic() - began, 1),
    }


@contextmanager
def _told(breaches: list[str], where: str) -> Iterator[None]:
    """What goes wrong in the harness, or takes too long, counts as a breach: nothing was shown then."""
    try:
        yield
    except Exception as error:
        breaches.append(f"{where}: {type(error).__name__} {error}".rstrip())
