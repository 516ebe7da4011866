"""A gateway process on a port that stays the same, to be killed and started again."""

import asyncio
import os
import socket
import sys
from pathlib import Path

from ops.errors import Refusal
from ops.torture.entry import READY

# A client that comes back after every fault opens more sessions than the plane allows in earnest.
ENVIRONMENT = {"ECP_LICENSE_OPENINGS": "100000"}


class GatewayProcess:
    """`python -m ops.torture.entry` on 127.0.0.1; everything it logs goes to `log`."""

    def __init__(self, database_url: str, log: Path, **environment: str) -> None:
        self.port = _free_port()
        self.starts = 0
        self._url = database_url
        self._log = log
        self._environment = os.environ | ENVIRONMENT | environment
        self._process: asyncio.subprocess.Process

    @property
    def pid(self) -> int:
        return self._process.pid

    async def start(self, *options: str) -> None:
        """Returns when it takes connections. `options` are those of ops.torture.entry."""
        command = [sys.executable, "-m", "ops.torture.entry", self._url, str(self.port), *options]
        with self._log.open("a") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=self._environment,
            )
        if await self._line() != READY:
            raise Refusal("TRD14", "the gateway did not start", f"its own message is in {self._log}")
        self.starts += 1

    async def ended(self) -> None:
        """Wait until it has died."""
        await self._process.wait()

    async def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def terminate(self) -> None:
        if self._process.returncode is None:
            self._process.terminate()
        await self._process.wait()

    async def tasks(self) -> int:
        """How many tasks its event loop has."""
        return int((await self._ask("tasks")).split()[1])

    async def trap(self, point: str, count: int) -> None:
        """From now on it dies when it comes to `point` (one of ops.torture.entry) for the `count`-th time."""
        await self._ask(f"trap {point} {count}")

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def memory_kb(self) -> int:
        """Resident, in KiB."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise ProcessLookupError(self.pid)

    async def _ask(self, line: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        return await self._line()

    async def _line(self) -> str:
        assert self._process.stdout is not None
        return (await self._process.stdout.readline()).decode().strip()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
