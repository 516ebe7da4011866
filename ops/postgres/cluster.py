"""One Postgres cluster that belongs to this checkout: made, started and stopped with pg_ctl."""

import fcntl
import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg

from ops.errors import Refusal

DATABASE = "ecp"

# Sized for a development machine that it shares with the gateway, hence one autovacuum worker at a time. What
# durability depends on is said aloud, so that a changed default or an edited postgresql.conf cannot take it away.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_buffers": "16MB",
    "min_wal_size": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "autovacuum_max_workers": "1",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

# A sockaddr_un holds 108 bytes, the terminating zero included.
SOCKET_PATH_LIMIT = 107


@dataclass(frozen=True)
class Cluster:
    """A cluster under `home` (data, socket, log), run with the binaries in `bindir`.

    `user` is the system user that owns it, for who starts it as root. With `chroot`, `bindir` is a path
    inside that root file system, and `home` a path of the host that lies below it. `provision` installs
    what starting needs.
    """

    name: str
    home: Path
    bindir: Path
    user: str | None = None
    chroot: Path | None = None
    settings: dict[str, str] = field(default_factory=dict)
    provision: Callable[[], None] = lambda: None

    def url(self, dbname: str = DATABASE, user: str = "postgres") -> str:
        """The connection string of a database in this cluster, for psycopg and asyncpg alike."""
        return f"postgresql://{user}@/{dbname}?host={quote(str(self._socket_dir), safe='')}"

    def start(self, *, fresh: bool = False) -> None:
        """Start the cluster unless it runs; make it first if it is not there, or if `fresh`."""
        self.provision()
        self.home.mkdir(parents=True, exist_ok=True)
        with self._lock():
            if self.running():
                return
            if fresh:
                shutil.rmtree(self._data, ignore_errors=True)
            self._permit()
            if not (self._data / "PG_VERSION").exists():
                # A directory without PG_VERSION is what an interrupted initdb left behind.
                shutil.rmtree(self._data, ignore_errors=True)
                self._run(
                    "initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C",
                    "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions",
                    f"--pgdata={self._inside(self._data)}",
                )  # fmt: skip
                with (self._data / "postgresql.conf").open("a") as conf:
                    conf.write("\ninclude 'ecp.conf'\n")
            self._write_settings()
            self._run(
                "pg_ctl", "start", "--wait", "--timeout=60", "--silent",
                f"--pgdata={self._inside(self._data)}", f"--log={self._inside(self._log)}",
            )  # fmt: skip
            create_database(self.url("postgres"))

    def stop(self) -> None:
        """Stop the cluster if it runs; sessions that are open are ended."""
        if not self.home.exists():
            return
        with self._lock():
            if self.running():
                self._run("pg_ctl", "stop", "--mode=fast", "--silent", f"--pgdata={self._inside(self._data)}")

    def remove(self) -> None:
        """Stop the cluster and delete all its data."""
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def running(self) -> bool:
        """Whether the cluster accepts connections; unlike postmaster.pid, an answer cannot be stale."""
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=10).close()
        except psycopg.OperationalError:
            return False
        return True

    @property
    def _data(self) -> Path:
        return self.home / "data"

    @property
    def _log(self) -> Path:
        return self.home / "log"

    @property
    def _socket_dir(self) -> Path:
        """`home`, or a short alias of it where the path of the socket would be too long to connect to."""
        if len(os.fsencode(self.home / ".s.PGSQL.5432")) <= SOCKET_PATH_LIMIT:
            return self.home
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        alias = Path(tempfile.gettempdir()) / f"ecp-{digest}"
        with suppress(FileExistsError):
            alias.symlink_to(self.home)
        if alias.readlink() != self.home:
            raise Refusal("TRD09", f"{alias} is not a link to {self.home}", f"remove it: rm {alias}")
        return alias

    def _inside(self, path: Path) -> str:
        """`path` as the server sees it."""
        return str(path) if self.chroot is None else f"/{path.relative_to(self.chroot)}"

    def _permit(self) -> None:
        """Let the cluster's own user own its home, and reach it and the binaries, where root starts it."""
        if self.user is None:
            return
        os.chown(self.home, *self._ids())
        if self.chroot is None:
            for folder in {*self.home.parents, *self.bindir.parents}:
                mode = folder.stat().st_mode
                if not mode & 0o001:
                    folder.chmod(mode | 0o001)

    def _write_settings(self) -> None:
        sockets = self._inside(self.home) if self.chroot else str(self._socket_dir)
        settings = SETTINGS | self.settings | {"unix_socket_directories": sockets}
        conf = self._data / "ecp.conf"
        conf.write_text("".join(f"{name} = '{value}'\n" for name, value in settings.items()))
        if self.user is not None:
            os.chown(conf, *self._ids())

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.bindir / program), *arguments]
        as_user: str | None = self.user
        if self.chroot is not None:
            uid, gid = self._ids()
            command = ["chroot", f"--userspec={uid}:{gid}", str(self.chroot), *command]
            as_user = None
        # Files, not pipes: the server inherits these and would keep a pipe open for as long as it runs.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                user=as_user,
                group=None if as_user is None else pwd.getpwnam(as_user).pw_gid,
                extra_groups=None if as_user is None else [],
                cwd="/",
                check=False,
                # initdb and pg_ctl take PGDATA, PGPORT and the like from the environment.
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
            )
            output.seek(0)
            said = output.read().strip().splitlines()
        if done.returncode:
            why = said[-1] if said else f"exit status {done.returncode}"
            raise Refusal("TRD09", f"{program} of the {self.name} stack failed: {why}", f"see {self._log}")

    def _ids(self) -> tuple[int, int]:
        """User and group id of `user`, by the account database that the server will see."""
        assert self.user is not None
        if self.chroot is None:
            entry = pwd.getpwnam(self.user)
            return entry.pw_uid, entry.pw_gid
        for line in (self.chroot / "etc/passwd").read_text().splitlines():
            login, _, uid, gid, *_ = line.split(":")
            if login == self.user:
                return int(uid), int(gid)
        raise Refusal("TRD09", f"{self.chroot} has no user {self.user}", f"remove it: rm -r {self.chroot}")

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One process at a time makes, starts or stops the cluster."""
        with (self.home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def create_database(url: str) -> None:
    """Make the default database unless it is there: pg_cron's launcher expects it from the first moment."""
    with psycopg.connect(url, autocommit=True) as connection:
        if not connection.execute("select from pg_database where datname = %s", [DATABASE]).rowcount:
            connection.execute(f"create database {DATABASE}".encode())
