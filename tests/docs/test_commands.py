"""docs/operations.md lists every command of the command line, with what its help says."""

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from ops.cli import app
from ops.paths import ROOT

pytestmark = pytest.mark.core

PAGE = ROOT / "docs/operations.md"
TABLE = re.compile(r"(\| command \| does \|\n\|---\|---\|\n)((?:\|.*\n)+)")
DEVELOPMENT = {"bench", "torture", "pg"}
"""What README and docs/performance.md have; here a group is one line."""


def commands(command: Any, path: str = "ecp") -> Iterator[tuple[str, str]]:
    """Each command as it is called, what must be said of it, and the first line of its help."""
    if hasattr(command, "commands"):
        for name, each in command.commands.items():
            yield from commands(each, f"{path} {name}")
        return
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    words = [each.name.upper() if each.required else f"[{each.name.upper()}]" for each in arguments]
    options = [f"{each.opts[0]} …" for each in command.params if each.required and each not in arguments]
    yield " ".join([path, *words, *options]), command.help.partition("\n")[0]


def table() -> str:
    root = typer.main.get_command(app)
    rows = [row for row in commands(root) if row[0].split()[1] not in DEVELOPMENT]
    return "".join(f"| `{call}` | {does} |\n" for call, does in rows)


def test_the_page_has_every_command() -> None:
    """Write it anew with ECP_WRITE_COMMANDS=1, and read the difference."""
    page = PAGE.read_text()
    if os.environ.get("ECP_WRITE_COMMANDS"):
        PAGE.write_text(TABLE.sub(lambda found: found[1] + table(), page))
    found = TABLE.search(PAGE.read_text())
    assert found
    assert found[2] == table()
