"""Debian's own packages, installed where they are missing and may be."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from ops.errors import Refusal
from ops.paths import VAR


def may_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(*packages: str, code: str) -> None:
    """Raises a refusal with `code`. No service is started."""
    VAR.mkdir(parents=True, exist_ok=True)
    say(f"installing {' '.join(packages)}")
    log = VAR / "apt.log"
    quietly("apt-get", "-q", "update", log=log, code=code)
    quietly("apt-get", "-q", "install", "--yes", "--no-install-recommends", *packages, log=log, code=code)


def quietly(*command: str, log: Path, code: str) -> None:
    """Run a command with its output in a log. Raises a refusal with `code` and the last line of it."""
    # RUNLEVEL keeps Debian from starting what it installs.
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C", "RUNLEVEL": "1"}
    with log.open("w") as output:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment, check=False
        )
    if done.returncode:
        last = log.read_text(errors="replace").strip().splitlines()[-1:]
        raise Refusal(code, f"{command[0]} failed: {''.join(last)}", f"see {log}")


def say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
