"""Redis of this checkout, as Debian packages it: on a socket of its own, with an append-only file that reaches the disk
every second, for as long as a bench needs it."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ops import debian
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
    if found is None and debian.may_install():
        debian.install(PACKAGE, code="TRD18")
        found = shutil.which(PACKAGE)
    if found is None:
        raise Refusal("TRD18", "redis-server is not installed", f"as root: apt-get install {PACKAGE}")
    return found
