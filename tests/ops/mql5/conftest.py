"""Programs compiled once, and an expert advisor that does what it is told."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from ops.mql5.build import build
from ops.mql5.program import Program, Symbol, Value, specify

PROGRAMS = Path(__file__).parent / "programs"
EURUSD = Symbol("EURUSD", 1.1, 1.1001)

Hire = Callable[..., Awaitable["Trader"]]


class Trader:
    """Trader.mq5 at a broker."""

    def __init__(self, program: Program, home: Path) -> None:
        self.program = program
        self.home = home

    async def does(self, *orders: str, bid: float = 1.1, ask: float = 1.1001) -> list[str]:
        """What it prints while it does this at those prices."""
        (self.home / "MQL5/Files/orders.txt").write_text("\n".join(orders) + "\n")
        return await self.prints(lambda: self.program.quote("EURUSD", bid, ask))

    async def prints(self, happens: Callable[[], Awaitable[object]]) -> list[str]:
        """What it prints while something happens."""
        before = len(self.program.journal)
        await happens()
        return self.program.journal[before:]

    async def tickets(self) -> list[int]:
        return [held.number("ticket") for held in (await self.program.book()).positions]


@pytest.fixture(scope="session")
def trader() -> Path:
    return build(PROGRAMS / "Trader.mq5")


@pytest.fixture
async def hire(trader: Path, tmp_path: Path) -> AsyncIterator[Hire]:
    """Start it at a broker, which is founded unless it is there."""
    async with AsyncExitStack() as stack:

        async def start(
            *,
            inputs: dict[str, Value] | None = None,
            settings: dict[str, Value] | None = None,
            hold: bool = False,
            **account: Value,
        ) -> Trader:
            if not (tmp_path / "broker").exists():
                specify(tmp_path / "broker", [Symbol("EURUSD", 1.1, 1.1001, settings or {})], **account)
            program = await Program.launch(trader, tmp_path, inputs or {}, hold=hold)
            stack.push_async_callback(program.kill)
            return Trader(program, tmp_path)

        yield start
