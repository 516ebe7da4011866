"""Redis of this checkout, as Debian packages it: on a socket of its own, with an append-only file that reaches the disk
every second, for as long as a bench needs it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ops.errors import Refusal
from ops.paths import VAR

PACKAGE = "redis-server"
SETTINGS = """
port 0
unixsocket {socket}
unixsocketperm 700
dir {home}
daemonize no
appendonly yes
appendfsync everysec
# The journal is what is compared; a snapshot or a rewrite of it beside that would only take time from it.
save ""
auto-aof-rewrite-percentage 0
"""


class Server(NamedTuple):
    """One that runs."""

    socket: str
    pid: int


@contextmanager
def server() -> Iterator[Server]:
    """Redis, started empty and ended. Raises TRD18 where it cannot be had."""
    program = _program()
    VAR.mkdir(exist_ok=True)
    # In a folder with a short path, which a socket needs; var/ may lie deep.
    with tempfile.TemporaryDirectory(prefix="redis-", dir=VAR) as home, tempfile.TemporaryDirectory() as short:
        socket = str(Path(short) / "redis.sock")
        config = Path(home) / "redis.conf"
        config.write_text(SETTINGS.format(socket=socket, home=home))
        with subprocess.Popen([program, str(config)], stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                said = []
                for line in process.stdout:
                    said.append(line)
                    if "ready to accept connections" in line:
                        break
                else:
                    raise Refusal("TRD18", "Redis did not start", "".join(said[-1:]).strip() or f"try: {program}")
                yield Server(socket, process.pid)
            finally:
                process.terminate()


def _program() -> str:
    found = shutil.which(PACKAGE)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        _install()
        found = shutil.which(PACKAGE)
    if found is None:
        raise Refusal("TRD18", "redis-server is not installed", f"as root: apt-get install {PACKAGE}")
    return found


def _install() -> None:
    log = VAR / "apt.log"
    log.parent.mkdir(exist_ok=True)
    # RUNLEVEL keeps Debian from starting a service of its own.
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C", "RUNLEVEL": "1"}
    with log.open("w") as output:
        for arguments in (["update"], ["install", "--yes", "--no-install-recommends", PACKAGE]):
            command = ["apt-get", "-q", *arguments]
            if subprocess.run(command, stdout=output, stderr=output, env=environment, check=False).returncode:
                raise Refusal("TRD18", f"apt-get could not install {PACKAGE}", f"see {log}")
