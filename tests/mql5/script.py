"""Runs a test program of programs/: a script in MQL5, compiled by g++, in a folder of its own."""

import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from ops.mql5.build import build

PROGRAMS = Path(__file__).parent / "programs"


def files(folder: Path) -> Path:
    """Where the program finds its files, and leaves them."""
    found = folder / "MQL5" / "Files"
    found.mkdir(parents=True, exist_ok=True)
    return found


@cache
def program(name: str, *, sanitize: bool = False) -> Path:
    """The executable, which is made once a run."""
    return build(PROGRAMS / f"{name}.mq5", sanitize=sanitize)


def command(name: str, folder: Path, *, sanitize: bool = False, **inputs: object) -> list[str]:
    """What starts the program: `inputs` are those that it declares, without Inp."""
    settings = folder / "inputs.set"
    settings.write_text("".join(f"Inp{key}={_said(value)}\n" for key, value in inputs.items()))
    return [str(program(name, sanitize=sanitize)), "--inputs", str(settings), "--data", str(folder)]


def run(
    name: str, folder: Path, texts: Mapping[str, str | bytes] | None = None, *, sanitize: bool = False, **inputs: object
) -> list[str]:
    """The lines that the program prints, `texts` being its files."""
    for file, content in (texts or {}).items():
        (files(folder) / file).write_bytes(content.encode() if isinstance(content, str) else content)
    done = subprocess.run(
        command(name, folder, sanitize=sanitize, **inputs),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert not done.returncode, done.stderr + done.stdout[-2000:]
    assert done.stdout.splitlines()[-1:] == ["ended"], done.stderr + done.stdout[-2000:]
    return printed(done.stdout)


def printed(output: str) -> list[str]:
    return [unquote(line.removeprefix("print text=")) for line in output.splitlines() if line.startswith("print text=")]


def _said(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
