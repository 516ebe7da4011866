"""The full stack in a container, for machines that Debian's packages cannot be installed on."""

import hashlib
import os
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from ops.errors import Refusal
from ops.postgres.cluster import DATABASE, SETTINGS, create_database

READY_TIMEOUT_S = 60.0


def engine_answers() -> bool:
    """Whether a container engine runs that we may use."""
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


@dataclass(frozen=True)
class Container:
    """A server in a container of its own, its data in a volume of the same name. `context` has the Dockerfile."""

    home: Path
    context: Path
    settings: dict[str, str] = field(default_factory=dict)
    name: str = "full"

    def start(self, *, fresh: bool = False) -> None:
        """Build the image, start the container and wait until it accepts connections."""
        if self._running():
            return
        # Its reaper would remove the container when this process ends; `ecp pg stop` is who ends it.
        os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"
        from testcontainers.core.container import DockerContainer
        from testcontainers.core.image import DockerImage

        if fresh:
            self.remove()
        self._docker("rm", "--force", self._container)
        settings = SETTINGS | self.settings | {"listen_addresses": "*", "unix_socket_permissions": "0777"}
        image = DockerImage(path=self.context, tag="ecp-postgres", clean_up=False).build()
        container = DockerContainer(str(image)).with_name(self._container)
        container.with_command([f"--{name}={value}" for name, value in settings.items()])
        container.with_volume_mapping(self._container, "/var/lib/ecp", "rw")
        container.with_kwargs(ports={"5432/tcp": ("127.0.0.1", None)}, shm_size="1g")
        container.start()
        self._wait()

    def stop(self) -> None:
        """Stop the container if it runs; its volume stays."""
        self._docker("stop", self._container)

    def remove(self) -> None:
        """Remove the container and its volume."""
        self._docker("rm", "--force", self._container)
        self._docker("volume", "rm", "--force", self._container)

    def url(self, dbname: str = DATABASE, user: str = "postgres") -> str:
        """The connection string of a database in this server, for psycopg and asyncpg alike."""
        address = self._docker("port", self._container, "5432/tcp")
        if not address:
            raise Refusal("TRD09", "the container of the full stack does not run", "run: ecp --stack full pg start")
        return f"postgresql://{user}@{address.splitlines()[0]}/{dbname}"

    @property
    def _container(self) -> str:
        return f"ecp-{hashlib.sha256(os.fsencode(self.home)).hexdigest()[:12]}"

    def _running(self) -> bool:
        return self._docker("container", "inspect", "--format", "{{.State.Running}}", self._container) == "true"

    def _wait(self) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while True:
            try:
                return create_database(self.url("postgres"))
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    hint = f"see: docker logs {self._container}"
                    raise Refusal("TRD09", "the container of the full stack does not get ready", hint) from error
                time.sleep(0.2)

    def _docker(self, *arguments: str) -> str:
        """What docker answers, empty where it refuses."""
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""
