"""What is seen while a run goes on: a live table on a terminal, a line now and then elsewhere."""

import asyncio
from functools import partial

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ops.bench.figures import percentile
from ops.demo.bars import E8
from ops.demo.copier import Copier
from ops.demo.play import Play

FRAMES_PER_S = 5
# Of the latest values only, so that the table shows how things are going now.
RECENT = 500
LINES = 10
SHOWN = 3


async def watch(play: Play, console: Console) -> None:
    """Show the run until cancelled."""
    if console.is_terminal:
        await _table(play, console)
    else:
        await _lines(play, console)


async def _table(play: Play, console: Console) -> None:
    with Live(_picture(play), console=console, auto_refresh=False, transient=True) as live:
        while True:
            await asyncio.sleep(1 / FRAMES_PER_S)
            live.update(_picture(play), refresh=True)


async def _lines(play: Play, console: Console) -> None:
    for part in range(1, LINES + 1):
        await play.until(partial(_has_played, play, part))
        executed = sum(copier.tally.reported["EXECUTED"] for copier in play.copiers)
        console.print(
            f"bar {play.bars} of {play.survey.count}: {play.master.sent} signals, {executed} copies executed",
            highlight=False,
        )


def _has_played(play: Play, part: int) -> bool:
    return play.bars * LINES >= part * play.survey.count


def _picture(play: Play) -> Group:
    head = Table.grid(padding=(0, 1))
    head.add_row(
        f"[bold]{play.cast.symbol}[/] bar {play.bars:,} of {play.survey.count:,}",
        ProgressBar(total=play.survey.count, completed=play.bars, width=40),
        "" if not play.over else "settling",
    )
    return Group(head, _people(play), _verdicts(play), _latency(play))


def _people(play: Play) -> Table:
    table = Table(box=None, padding=(0, 2), header_style="bold")
    table.add_column("")
    for column in ("position", "equity", "executed", "skipped", "refused"):
        table.add_column(column, justify="right")
    held = play.strategy.held
    table.add_row("master", f"{held.side} {held.volume / E8:.2f}" if held else "flat", "", "", "", "", style="bold")
    for copier in play.copiers:
        table.add_row(
            copier.follower.name,
            _position(copier),
            f"{copier.broker.equity(play.now_us) / E8:,.2f}",
            f"{copier.tally.reported['EXECUTED']:,}",
            f"{copier.skipped(play.master.rulings):,}",
            f"{copier.tally.refused.total():,}",
        )
    return table


def _position(copier: Copier) -> str:
    if not copier.terminal.connected:
        return "[yellow]disconnected[/]"
    held = [f"{held.side} {held.volume / E8:.2f}" for held in copier.broker.positions.values()]
    return ", ".join(held) or "flat" if len(held) < SHOWN else f"{len(held)} positions"


def _verdicts(play: Play) -> Text:
    counts = play.master.verdicts + play.adversary.verdicts
    return Text("verdicts  " + "  ".join(f"{name} {count:,}" for name, count in counts.most_common()))


def _latency(play: Play) -> Text:
    copies = [took for copier in play.copiers for took in copier.tally.copy_ms[-RECENT:]]
    parts = [
        f"{name} p50 {percentile(values, 0.5):.1f} p99 {percentile(values, 0.99):.1f} ms"
        for name, values in (("ingest", play.master.ack_ms[-RECENT:]), ("copy", copies))
    ]
    return Text("latency   " + "   ".join(parts))
