"""A compiled MQL5 program in its terminal: started, fed with quotes and trades, watched, stopped and killed.

The program's standard input and output are its control channel: lines of `verb key=value`, percent-encoded. A command
is answered by `done` when every event that it caused has been handled by the program. What it prints comes in between.

| command | what it does |
|---|---|
| `start` | OnInit or OnStart; until then (`hold`) only the broker moves, as while a terminal is closed |
| `quote symbol= bid= ask=` | the market moves: orders fill, stops are hit, OnTick |
| `send action= type= symbol= volume= …` | the human at the terminal trades; fields of MqlTradeRequest |
| `fault kind= count= points=` | what the next requests meet: see Fault |
| `release` | held orders are carried out |
| `symbol name= …`, `account …` | settings of the broker change: trade_mode, open, connected, autotrading, … |
| `deposit amount=` | money comes, or goes |
| `book`, `history` | what is there, and what was |
| `clock jump_us=` | somebody sets the computer's clock |
| `stop reason=` | OnDeinit, and the end |
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote

Fault = Literal[
    "REJECT", "REQUOTE", "PARTIAL", "SLIP", "ANSWER_LOST", "ORDER_LOST", "HELD", "PLACED", "CLOSED", "NO_MONEY", "BUSY",
    "LOCKED", "FROZEN", "PRICE_OFF", "PRICE_CHANGED", "DISABLED", "SERVER_DISABLES", "CONNECTION", "INVALID_STOPS",
    "INVALID_VOLUME", "INVALID_FILL", "CANCEL", "ERROR", "KILL_BEFORE", "KILL_AFTER",
]  # fmt: skip
# After ANSWER_LOST, ORDER_LOST and HELD there is no answer in time: 10012. PLACED is answered by 10008, and filled when
# it is released, as HELD is. KILL_BEFORE and KILL_AFTER end the program by SIGKILL, before the order is sent and after
# the broker has carried it out.
Value = str | int | float | bool
ORDER_TYPES = (
    "BUY", "SELL", "BUY_LIMIT", "SELL_LIMIT", "BUY_STOP", "SELL_STOP", "BUY_STOP_LIMIT", "SELL_STOP_LIMIT", "CLOSE_BY",
)  # fmt: skip
DEAL, PENDING, SLTP, MODIFY, REMOVE, CLOSE_BY = 1, 5, 6, 7, 8, 10
DONE = 10009
PATIENCE_S = 20.0


class Stuck(Exception):
    """The program did not answer or print in time, or has ended."""


@dataclass(frozen=True)
class Report:
    """A line of the control channel. Numbers are as the broker knows them; prices and lots are decimals."""

    verb: str
    values: Mapping[str, str]

    def __getitem__(self, key: str) -> str:
        return self.values[key]

    def number(self, key: str) -> int:
        return int(self.values[key])

    def real(self, key: str) -> float:
        return float(self.values[key])


@dataclass(frozen=True)
class Book:
    """What the account holds."""

    account: Report
    positions: list[Report]
    orders: list[Report]


@dataclass(frozen=True)
class Symbol:
    """A symbol as the broker offers it; `settings` are those of `symbol` lines: digits, contract, volume_min, …"""

    name: str
    bid: float
    ask: float
    settings: Mapping[str, Value] = field(default_factory=dict)


def specify(broker: Path, symbols: Sequence[Symbol], **account: Value) -> None:
    """Found a broker in a folder: one account (mode, balance, leverage, zone_s, …) and its symbols."""
    broker.mkdir(parents=True, exist_ok=True)
    lines = [_line("account", {"mode": "HEDGING", "balance": 100_000, **account})]
    lines += [
        _line("symbol", {"name": symbol.name, "bid": symbol.bid, "ask": symbol.ask, **symbol.settings})
        for symbol in symbols
    ]
    (broker / "broker.txt").write_text("".join(f"{line}\n" for line in lines))


def write_inputs(path: Path, inputs: Mapping[str, Value]) -> None:
    """A .set file, as MetaTrader writes it."""
    lines = [f"{name}={str(value).lower() if isinstance(value, bool) else value}\r\n" for name, value in inputs.items()]
    path.write_bytes("".join(lines).encode("utf-16"))


class Program:
    """A running program. Made by `launch`."""

    def __init__(self, process: asyncio.subprocess.Process, errors: Path) -> None:
        self.process = process
        self.errors = errors  # what it wrote to its standard error: sanitizers, and where a critical error was
        self.journal: list[str] = []  # what it printed
        self.alerts: list[str] = []
        self.reports: list[Report] = []
        self._answers: asyncio.Queue[Report] = asyncio.Queue()
        self._news = asyncio.Condition()
        self._commands = asyncio.Lock()
        self._seen = 0
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def launch(
        cls,
        executable: Path,
        home: Path,
        inputs: Mapping[str, Value] | None = None,
        *,
        symbol: str | None = None,
        allow: Sequence[str] | None = None,
        authorities: Path | None = None,
        hold: bool = False,
        options: Sequence[str] = (),
    ) -> "Program":
        """Run it with `home` as its folder: files in MQL5/Files, the broker in broker/.

        Waits for OnInit, unless `hold`. Raises Stuck when it does not come up.
        """
        command = [str(executable), *_arguments(home, inputs, symbol, allow, authorities), *options]
        with (home / "stderr.txt").open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=errors, limit=1 << 20
            )
        program = cls(process, home / "stderr.txt")
        try:
            await program.wait_report("ready")
            if not hold:
                await program.start()
        except BaseException:
            await program.kill()
            raise
        return program

    async def start(self) -> Report | None:
        """OnInit, and what it returned: code 0 is success. A script is not waited for: None."""
        self._write("start", {})
        return await self.wait_report("initialized", "ended", "critical")

    # The market and the human

    async def quote(self, symbol: str, bid: float, ask: float) -> None:
        """The market moves."""
        await self.command("quote", symbol=symbol, bid=bid, ask=ask)

    async def send(self, **request: Value) -> Report:
        """A request of the human at the terminal, its fields as in MqlTradeRequest; retcode, order and deal."""
        kind = request.get("type")
        if isinstance(kind, str):
            request["type"] = ORDER_TYPES.index(kind)
        return next(report for report in await self.command("send", **request) if report.verb == "result")

    async def trade(self, symbol: str, side: Literal["BUY", "SELL"], volume: float, **more: Value) -> Report:
        """A market order: sl, tp, comment, magic, and position to close on a hedging account."""
        return await self.send(action=DEAL, symbol=symbol, type=side, volume=volume, **more)

    async def close(self, ticket: int, volume: float | None = None) -> Report:
        """All of a position, or a part of it."""
        held = next(held for held in (await self.book()).positions if held.number("ticket") == ticket)
        side = "SELL" if held["side"] == "BUY" else "BUY"
        size = held.real("volume") if volume is None else volume
        return await self.send(action=DEAL, symbol=held["symbol"], type=side, volume=size, position=ticket)

    async def modify(self, ticket: int, stop_loss: float = 0, take_profit: float = 0) -> Report:
        """The stops of a position."""
        held = next(held for held in (await self.book()).positions if held.number("ticket") == ticket)
        return await self.send(action=SLTP, symbol=held["symbol"], position=ticket, sl=stop_loss, tp=take_profit)

    async def place(self, symbol: str, kind: str, volume: float, price: float, **more: Value) -> Report:
        """A pending order: kind is one of ORDER_TYPES."""
        return await self.send(action=PENDING, symbol=symbol, type=kind, volume=volume, price=price, **more)

    async def amend(self, ticket: int, price: float, stop_loss: float = 0, take_profit: float = 0) -> Report:
        """A pending order at another price."""
        return await self.send(action=MODIFY, order=ticket, price=price, sl=stop_loss, tp=take_profit)

    async def cancel(self, ticket: int) -> Report:
        """A pending order is taken back."""
        return await self.send(action=REMOVE, order=ticket)

    async def fault(self, kind: Fault, count: int = 1, points: int = 10) -> None:
        """What the next requests meet, whoever sends them."""
        await self.command("fault", kind=kind, count=count, points=points)

    async def release(self) -> None:
        """Orders that were held are carried out."""
        await self.command("release")

    async def book(self) -> Book:
        """What the account holds."""
        found = await self.command("book")
        account = next(report for report in found if report.verb == "account")
        return Book(
            account,
            [report for report in found if report.verb == "position"],
            [report for report in found if report.verb == "order"],
        )

    async def history(self) -> list[Report]:
        """Every deal (verb "deal") and every order that is over ("past")."""
        return [report for report in await self.command("history") if report.verb in ("deal", "past")]

    async def command(self, command: str, /, **values: Value) -> list[Report]:
        """Any command; what was reported until it was done. Raises Stuck."""
        async with self._commands:
            self._write(command, values)
            found: list[Report] = []
            try:
                async with asyncio.timeout(PATIENCE_S):
                    while (report := await self._answers.get()).verb != "done":
                        if report.verb in ("failed", "closed"):
                            raise Stuck(self._why(f"{command}: {report.verb}"))
                        found.append(report)
            except TimeoutError:
                raise Stuck(self._why(f"{command} was not answered")) from None
            return found

    # What it says

    async def wait_journal(self, pattern: str, patience: float = PATIENCE_S, *, anew: bool = False) -> re.Match[str]:
        """The first line printed that matches; with `anew`, after the last one waited for. Raises Stuck."""
        begin = self._seen if anew else 0

        def find() -> re.Match[str] | None:
            for at in range(begin, len(self.journal)):
                if (found := re.search(pattern, self.journal[at])) is not None:
                    self._seen = at + 1
                    return found
            return None

        async with self._news:
            try:
                async with asyncio.timeout(patience):
                    while (found := find()) is None:
                        if self._reader.done() or self._ended():
                            break
                        await self._news.wait()
            except TimeoutError:
                found = None
        if found is None:
            raise Stuck(self._why(f"it did not print {pattern!r}"))
        return found

    async def wait_report(self, *verbs: str, patience: float = PATIENCE_S) -> Report:
        """The first report of these kinds. Raises Stuck."""

        def find() -> Report | None:
            return next((report for report in self.reports if report.verb in verbs), None)

        async with self._news:
            try:
                async with asyncio.timeout(patience):
                    while (found := find()) is None and not self._ended():
                        await self._news.wait()
            except TimeoutError:
                found = None
        if found is None:
            raise Stuck(self._why(f"it did not report {' or '.join(verbs)}"))
        return found

    # Its end

    async def stop(self, reason: int = 1) -> int:
        """OnDeinit; the exit code."""
        with suppress(Stuck, ConnectionError):
            await self.command("stop", reason=reason)
        return await self.wait()

    async def kill(self) -> None:
        """SIGKILL: the computer lost its power, the broker did not."""
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.wait()

    async def wait(self) -> int:
        """Its exit code, when it has ended."""
        code = await self.process.wait()
        await self._reader
        if self.process.stdin is not None:
            self.process.stdin.close()
            with suppress(ConnectionError):
                await self.process.stdin.wait_closed()
        return code

    def _write(self, verb: str, values: Mapping[str, Value]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{_line(verb, values)}\n".encode())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for raw in self.process.stdout:
            report = _report(raw.decode())
            async with self._news:
                self._take(report)
                self._news.notify_all()
        async with self._news:
            self._take(Report("closed", {}))
            self._news.notify_all()

    def _take(self, report: Report) -> None:
        if report.verb == "print":
            self.journal.append(report["text"])
        elif report.verb == "alert":
            self.alerts.append(report["text"])
            self.journal.append(report["text"])
        else:
            self.reports.append(report)
            self._answers.put_nowait(report)

    def _ended(self) -> bool:
        return any(report.verb == "closed" for report in self.reports)

    def _why(self, what: str) -> str:
        said = "\n  ".join(self.journal[-20:])
        ends = [f"{end.verb} {dict(end.values)}" for end in self.reports if end.verb in ("critical", "closed")]
        errors = self.errors.read_text(errors="replace")[-4000:]
        return f"{what} {' '.join(ends)}\n  {said}\n{errors}"


async def run_script(
    executable: Path,
    home: Path,
    inputs: Mapping[str, Value] | None = None,
    *,
    options: Sequence[str] = (),
    patience: float = 120,
) -> list[str]:
    """Run a script to its end; what it printed. Raises Stuck when it does not end well."""
    program = await Program.launch(executable, home, inputs, hold=True, options=options)
    program._write("start", {})
    try:
        async with asyncio.timeout(patience):
            code = await program.wait()
    except TimeoutError:
        await program.kill()
        raise Stuck(program._why("it did not end")) from None
    if code != 0:
        raise Stuck(program._why(f"exit code {code}"))
    return program.journal


def _arguments(
    home: Path,
    inputs: Mapping[str, Value] | None,
    symbol: str | None,
    allow: Sequence[str] | None,
    authorities: Path | None,
) -> list[str]:
    """Of the command line, with `home` made and the inputs in it."""
    home.mkdir(parents=True, exist_ok=True)
    arguments = ["--data", str(home), "--hold"]
    if inputs is not None:
        write_inputs(home / "inputs.set", inputs)
        arguments += ["--inputs", str(home / "inputs.set")]
    if symbol is not None:
        arguments += ["--symbol", symbol]
    if allow is not None:
        arguments += ["--allow", ",".join(allow)]
    if authorities is not None:
        arguments += ["--authorities", str(authorities)]
    return arguments


def _line(verb: str, values: Mapping[str, Value]) -> str:
    pairs = (f"{key}={quote(_text(value), safe='+,:;[]()/')}" for key, value in values.items())
    return " ".join((verb, *pairs))


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return repr(value) if isinstance(value, float) else str(value)


def _report(line: str) -> Report:
    verb, *pairs = line.strip().split(" ")
    return Report(verb, {key: unquote(value) for key, _, value in (pair.partition("=") for pair in pairs)})
