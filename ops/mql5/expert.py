"""A computer with a terminal on it, in which an expert runs: it loses its power, and its files, and comes back."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from ops.mql5.program import Program, Value


@dataclass
class Expert:
    """A computer with a terminal on it, in which an expert runs; its folder and its broker outlive it."""

    executable: Path
    home: Path
    symbol: str
    inputs: dict[str, Value]
    program: Program = field(init=False)
    journal: list[str] = field(default_factory=list)
    is_up: bool = False

    async def launch(self) -> None:
        """Start it, for the first time or after an end of whatever kind."""
        self.program = await Program.launch(
            self.executable, self.home, self.inputs, symbol=self.symbol, allow=["127.0.0.1"]
        )
        self.is_up = True

    async def lose_power(self, *, lose_files: bool = False) -> None:
        """SIGKILL, unless it is dead already; `lose_files`: what the expert had kept is gone too."""
        await self.program.kill()
        self._keep_journal()
        if lose_files:
            shutil.rmtree(self.home / "MQL5")

    async def stop(self) -> None:
        if self.is_up:
            await self.program.stop()
            self._keep_journal()

    def _keep_journal(self) -> None:
        self.is_up = False
        self.journal += self.program.journal
        (self.home / "journal.log").write_text("".join(f"{line}\n" for line in self.journal))
