"""The stage of tests/scenarios, and on it the shipped experts, compiled: each a process with a terminal and a broker.

The computer's clock is the plane's, unless a scenario moves one of them, and heartbeats come by themselves.
"""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
from psycopg.types.json import Json

from gateway.lanes import Connection
from gateway.server import Gateway
from gateway.settings import Settings
from ops.demo.attribution import read_comment
from ops.demo.broker import Mode
from ops.mql5.program import Program, Report, Symbol, Value, specify
from tests.gateway.conftest import KEY, Market, Master
from tests.scenarios.stage import POLL_S, UNHURRIED, Held, Stage

BID, ASK = 1.07219, 1.07221
EURUSD = Symbol("EURUSD", BID, ASK)
DEADLINE_S = 30.0
# Experts do by the heartbeat what Python terminals are told to do.
BRISK = UNHURRIED | {"heartbeat_ms": 200, "idle_ms": 60_000}

# Deliveries that nobody has reported yet, or, with the reports in doubt, that have no final report.
UNREPORTED = """
select count(*)
from signals.decisions as d
left join signals.reports as r using (lane, subscription_id, delivery_seq)
where d.subscription_id = any (%s) and d.delivery_seq is not null and (r.status is null or r.status = 'UNKNOWN' and %s)
"""
STANDING = "select epoch, last_seq from signals.stream_heads where stream_id = %s"


class Experts(NamedTuple):
    """The executables."""

    master: Path
    copier: Path


@dataclass
class Expert:
    """A computer with a terminal on it, in which one of the experts runs; its folder outlives it."""

    desk: "Desk"
    executable: Path
    home: Path
    inputs: dict[str, Value]
    authorities: Path | None = None
    program: Program = field(init=False)

    async def launch(self, *, hold: bool = False) -> None:
        """Start it, after an end of whatever kind, or for the first time; with `hold`, only the terminal."""
        self.program = await Program.launch(
            self.executable, self.home, self.inputs, allow=["127.0.0.1"], authorities=self.authorities, hold=hold
        )

    async def kill(self) -> None:
        await self.program.kill()

    def lose_state(self) -> None:
        """Someone tidied up."""
        for path in self._state_files():
            path.unlink()

    def damage_state(self) -> None:
        """The disk did not keep the end of any version."""
        for path in self._state_files():
            path.write_bytes(path.read_bytes()[:-3])

    def _state_files(self) -> list[Path]:
        found = list((self.home / "MQL5" / "Files" / "ExecutionControl").glob("*.state*"))
        assert found
        return found

    async def orders(self) -> list[Report]:
        """Pending orders at the broker."""
        return (await self.program.book()).orders

    async def net(self) -> dict[str, float]:
        """Signed lots of each symbol."""
        sums: dict[str, float] = {}
        for held in (await self.program.book()).positions:
            lots = held.real("volume") * (1 if held["side"] == "BUY" else -1)
            sums[held["symbol"]] = round(sums.get(held["symbol"], 0) + lots, 2)
        return sums


class ExpertMaster(Expert):
    """A human trades at its terminal, and MasterPublisher tells."""

    master: Master

    async def open(self, side: Any = "BUY", volume: float = 0.10, **more: Value) -> int:
        """The position's ticket."""
        done = await self.program.trade("EURUSD", side, volume, **more)
        assert done.number("retcode") == 10009, done
        return done.number("order")

    def published(self) -> tuple[int, int]:
        """(epoch, seq) of the newest signal that the running program has numbered."""
        found = [re.search(r"signal (\d+)\.(\d+): ", line) for line in self.program.journal]
        return max(((int(one[1]), int(one[2])) for one in found if one), default=(0, 0))

    def standing(self) -> tuple[int, int]:
        """Where the stream stands in the plane."""
        (row,) = self.desk.rows(STANDING, self.master.stream_id)
        return row["epoch"], row["last_seq"]

    async def ready(self) -> None:
        """Wait until the first snapshot is told: what happens from now on is told as it happens."""
        await self.program.wait_journal(r"signal \d+\.\d+: SNAPSHOT")
        await self.told()

    async def told(self) -> None:
        """Wait until the plane has all that was published."""
        await self.desk.reach(lambda: self.standing() >= self.published() > (0, 0), self)


class ExpertCopier(Expert):
    """A subscriber's terminal, in which Subscriber copies."""

    subscriptions: list[int]
    token: str

    @property
    def subscription(self) -> int:
        (only,) = self.subscriptions
        return only

    async def holds(self) -> list[Held]:
        """Open positions, two for the same position of the master included."""
        return by_master((await self.program.book()).positions)

    async def deals(self) -> list[Report]:
        """What was traded, balance deals left out."""
        return [one for one in await self.program.history() if one.verb == "deal" and one["symbol"]]

    async def ready(self) -> None:
        """Wait until the plane knows its symbols and its money."""
        await self.desk.reach(
            lambda: self.desk.value(
                "select exists (select from signals.portfolios as p inner join signals.subscriptions as s"
                " using (portfolio_id) where s.subscription_id = any (%s) and p.equity is not null)",
                self.subscriptions,
            ),
            self,
        )

    async def reported(self, *, doubts: bool = False) -> None:
        """Wait until everything decided for it is reported; with `doubts`, what is UNKNOWN counts."""
        await self.desk.reach(
            lambda: self.desk.is_dispatched() and not self.desk.value(UNREPORTED, self.subscriptions, not doubts), self
        )

    def reports(self) -> list[tuple[str, str, str | None]]:
        """(action, status, code) of every delivery that was reported, in order."""
        return [
            (row["action"], row["status"], row["code"])
            for row in self.desk.rows(
                "select d.action, r.status, r.code from signals.decisions as d inner join signals.reports as r"
                " using (lane, subscription_id, delivery_seq) where d.subscription_id = any (%s)"
                " order by d.subscription_id, d.delivery_seq",
                self.subscriptions,
            )
        ]


class Desk(Stage):
    """A stage on which experts play too."""

    def __init__(
        self, operator: Market, gateway: Gateway, connection: Connection, experts: Experts, folder: Path
    ) -> None:
        super().__init__(operator, gateway, connection)
        self.experts = experts
        self.folder = folder
        self.playing: list[Expert] = []
        self._names = itertools.count(1)

    async def expert_master(
        self, *, symbols: Sequence[Symbol] = (EURUSD,), port: int | None = None, starts: bool = True,
        mode: Mode = "HEDGING", **inputs: Value,
    ) -> ExpertMaster:  # fmt: skip
        """A master of EURUSD, with an empty account; up, and its first snapshot told."""
        master = self.operator.master()
        connection: dict[str, Value] = {
            "InpLicense": master.token,
            "InpStream": master.stream,
            "InpStreamKey": KEY.hex(),
        }
        made = ExpertMaster(
            self, self.experts.master, self._home("master", symbols, mode=mode), self._gate(port) | connection
        )
        made.inputs |= inputs
        made.master = master
        self.playing.append(made)
        if starts:
            await made.launch()
            await made.ready()
        return made

    async def expert_copier(
        self, *masters: ExpertMaster, symbols: Sequence[Symbol] = (EURUSD,), mode: Mode = "HEDGING",
        port: int | None = None, starts: bool = True, balance: float = 100_000,
        inputs: Mapping[str, Value] | None = None, **settings: Any,
    ) -> ExpertCopier:  # fmt: skip
        """Follows the masters into one account; `settings` as signals.subscribe has them."""
        account = self.operator.account("subscriber")
        portfolio = self.value("select signals.create_portfolio(%s::bigint, 'main', %s::text)", account, mode)
        subscriptions = [
            int(
                self.value(
                    "select signals.subscribe(%s::bigint, %s::bigint, %s::jsonb, %s::bigint)",
                    account, master.master.stream_id, Json({"ttl": "60 s"} | settings), portfolio,
                )
            )
            for master in masters
        ]  # fmt: skip
        token = self.operator.license(account, "subscribe")
        connection: dict[str, Value] = {"InpLicense": token, "InpSubscriptions": ",".join(map(str, subscriptions))}
        home = self._home("copier", symbols, mode=mode, balance=balance)
        made = ExpertCopier(self, self.experts.copier, home, self._gate(port) | connection)
        made.inputs |= inputs or {}
        made.subscriptions, made.token = subscriptions, token
        self.playing.append(made)
        if starts:
            await made.launch()
            await made.ready()
        return made

    async def reach(self, condition: Any, *experts: Expert) -> None:
        """Wait for a state; it comes, or the scenario fails with the journals of these experts."""
        end = asyncio.get_running_loop().time() + DEADLINE_S
        while not condition():
            if asyncio.get_running_loop().time() > end:
                raise AssertionError("\n".join(line for one in experts for line in one.program.journal[-30:]))
            await asyncio.sleep(POLL_S)

    def find_drift(self) -> str | None:
        """The job, when it is due for every expert here."""
        self.operator.db.execute("update signals.subscription_heads set checked_at = null")
        found: str | None = self.value("select signals.find_drift()")
        return found

    async def clear(self) -> None:
        for one in self.playing:
            with suppress(AttributeError):
                await one.kill()
        await super().clear()

    def _home(self, name: str, symbols: Sequence[Symbol], **account: Value) -> Path:
        home = self.folder / f"{name}-{next(self._names)}"
        specify(home / "broker", symbols, **account)
        return home

    def _gate(self, port: int | None) -> dict[str, Value]:
        return {"InpHost": "127.0.0.1", "InpPort": self.port if port is None else port, "InpTls": False}


@asynccontextmanager
async def opened(operator: Market, dsn: str, experts: Experts, folder: Path) -> AsyncIterator[Desk]:
    """An empty desk, with a gateway; at the end every invariant holds."""
    operator.db.execute("update public.clock set ahead = '0 s'")
    gateway = Gateway(Settings(port=0, database_url=dsn, **BRISK))
    await gateway.start()
    connection = await asyncpg.connect(dsn)
    desk = Desk(operator, gateway, connection, experts, folder)
    try:
        yield desk
        await desk.verify()
    finally:
        await desk.clear()
        await connection.close()
        await gateway.stop()


def by_master(found: Sequence[Report]) -> list[Held]:
    held = []
    for one in found:
        decision = read_comment(one["comment"])
        side: Any = one["side"] if "side" in one.values else ("BUY", "SELL")[one.number("type") % 2]
        held.append(Held(decision.position_id if decision else 0, one["symbol"], side, f"{one.real('volume'):.2f}"))
    return sorted(held)
