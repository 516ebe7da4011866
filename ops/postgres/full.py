"""The full stack: PostgreSQL 17 with TimescaleDB, pg_cron, plpgsql_check and pgTAP, out of Debian 13.

Four ways lead to the same packages, tried in this order: they are installed; apt, as root on Debian 13; a root
file system of Debian 13 in the user's cache, as root on another Debian; a container, where an engine answers.
"""

import fcntl
import hashlib
import os
import platform
import shutil
from pathlib import Path

from ops import debian
from ops.errors import Refusal
from ops.postgres.cluster import DATABASE, Cluster
from ops.postgres.container import Container, engine_answers

HERE = Path(__file__).parent
PACKAGES = [line for line in (HERE / "packages.txt").read_text().splitlines() if line and not line.startswith("#")]
BINDIR = Path("/usr/lib/postgresql/17/bin")
EXTENSIONS = Path("/usr/share/postgresql/17/extension")

SETTINGS = {
    "shared_preload_libraries": "timescaledb,pg_cron",
    "cron.database_name": DATABASE,
    # Jobs run in background workers, so that pg_cron needs no way in through pg_hba.conf.
    "cron.use_background_workers": "on",
    "cron.timezone": "UTC",
    # It calls every second; what was done, and what failed, is in ops.job_runs.
    "cron.log_run": "off",
    "cron.log_statement": "off",
    # Each database with TimescaleDB in it keeps a worker, and there is one database for every running test.
    "max_worker_processes": "64",
    "timescaledb.max_background_workers": "32",
    "timescaledb.telemetry_level": "off",
}


def server(home: Path, settings: dict[str, str]) -> Cluster | Container:
    """The full server for `home`; starting it installs what it needs."""
    settings = SETTINGS | settings
    installed, is_root, release = _installed(), os.geteuid() == 0, _release()
    if installed or (is_root and release == "trixie"):
        return Cluster(
            "full",
            home,
            BINDIR,
            user="postgres" if is_root else None,
            settings=settings,
            provision=lambda: None if installed else _install_packages(),
        )
    if is_root and release:
        root = _root_file_system()
        # Inside, because a bind mount is not allowed everywhere; the name keeps checkouts and purposes apart.
        inside = root / "srv" / f"ecp-{hashlib.sha256(os.fsencode(home)).hexdigest()[:12]}"
        return Cluster(
            "full",
            inside,
            BINDIR,
            user="postgres",
            chroot=root,
            settings=settings,
            provision=lambda: _make_root_file_system(root),
        )
    if engine_answers():
        return Container(home, HERE, settings)
    raise Refusal(
        "TRD09",
        "the full stack needs Debian 13's PostgreSQL packages, and they cannot be installed from here",
        "run it as root on Debian 12 or 13; or install them as root on Debian 13: "
        f"apt-get install {' '.join(PACKAGES)}; or start Docker; or use --stack embedded",
    )


def _installed() -> bool:
    controls = ("timescaledb", "pg_cron", "plpgsql_check", "pgtap")
    return all((EXTENSIONS / f"{name}.control").exists() for name in controls)


def _release() -> str | None:
    """The code name of this Debian, None where it is none."""
    try:
        found = platform.freedesktop_os_release()
    except OSError:
        return None
    return found.get("VERSION_CODENAME") if found.get("ID") == "debian" else None


def _root_file_system() -> Path:
    """Where the Debian 13 with exactly these packages is, or will be."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "execution-control-plane"
    return cache / f"trixie-{hashlib.sha256(' '.join(PACKAGES).encode()).hexdigest()[:12]}"


def _make_root_file_system(root: Path) -> None:
    """Make it with debootstrap, once; renamed into place when complete."""
    if root.exists():
        return
    cache = root.parent
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if root.exists():
            return
        partial = cache / f"{root.name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        if shutil.which("debootstrap") is None:
            debian.install("debootstrap", "debian-archive-keyring", code="TRD09")
        debian.say("downloading Debian 13 with PostgreSQL 17 and its extensions, once: about a minute")
        debian.quietly(
            "debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", "trixie", str(partial),
            log=cache / "debootstrap.log", code="TRD09",
        )  # fmt: skip
        # What the packages downloaded, and the cluster that they made for themselves.
        for leftover in ("var/cache/apt/archives", "var/lib/postgresql/17/main"):
            shutil.rmtree(partial / leftover, ignore_errors=True)
        partial.rename(root)


def _install_packages() -> None:
    """Install the packages into this Debian 13, without the cluster on port 5432 that Debian would make with them."""
    if not Path("/usr/bin/pg_createcluster").exists():
        no_cluster = Path("/etc/postgresql-common/createcluster.d/ecp.conf")
        no_cluster.parent.mkdir(parents=True, exist_ok=True)
        no_cluster.write_text("create_main_cluster = false\n")
    debian.install(*PACKAGES, code="TRD09")
