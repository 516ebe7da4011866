"""The demo ends by itself, well, and what it says can be asked for again; it says so when something did not hold."""

import json
import re
import shlex
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from typer.testing import CliRunner, Result

from gateway import ecp_pb2 as pb
from ops.cli import app
from ops.demo import play as stage
from ops.demo.adversary import Attempt
from ops.demo.bars import E8
from ops.demo.broker import PaperBroker
from ops.demo.execution import Execution
from ops.demo.play import Play

pytestmark = pytest.mark.core

BARS = 900


def ecp(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def lie(report: pb.Report, ticket: int, _: object) -> None:
    """Something was traded, whatever it was."""
    report.status, report.ticket, report.price_e8, report.volume_e8 = pb.EXECUTED, ticket, E8, E8


def test_one_object_says_what_came_of_it(database_url: str) -> None:
    result = ecp("--database-url", database_url, "demo", "--json", "--limit", str(BARS))
    assert result.exit_code == 0, result.output
    said: dict[str, Any] = json.loads(result.stdout)
    assert said["bars"] == BARS
    verdicts = said["signals"]["verdicts"]
    assert said["signals"]["sent"] == sum(verdicts.values())
    assert {
        "ACCEPTED", "DUPLICATE", "REPLAY", "GAP", "BAD_SIGNATURE", "STALE", "FUTURE", "RATE_LIMITED", "MALFORMED",
    } <= verdicts.keys()  # fmt: skip
    assert said["reports"].keys() == {"EXECUTED", "REJECTED", "FAILED"}
    assert said["deliveries"] == sum(said["reports"].values())
    assert said["latency_ms"].keys() == {"ingest_p50", "ingest_p99", "copy_p50", "copy_p99"}
    assert all(value > 0 for value in said["latency_ms"].values())
    fees = ("COPY_FEE", "PERFORMANCE_FEE", "ARREARS")
    paid = -sum(Decimal(wallet["sums"].get(kind, 0)) for wallet in said["wallets"] for kind in fees)
    earned = [Decimal(fee) for fee in said["fees"].values()]
    assert paid == sum(earned)
    assert all(fee > 0 for fee in earned)
    scores = {standing["name"]: standing["score"] for standing in said["trust"]}
    assert scores["the adversary"] < 50 < scores["the master"]
    assert len(scores) == 2 + len(said["wallets"])
    assert said["verify"]["ok"]
    assert all(check["ok"] for check in said["verify"]["checks"])
    assert said["server"].keys() == {"postgres", "timescaledb", "pg_cron", "pgmq", "stack"}
    assert said["server"]["postgres"]
    assert said["server"]["pgmq"]


def test_the_summary_tells_the_story_and_its_commands_work_afterwards(database_url: str) -> None:
    target = ("--database-url", database_url)
    # Not so fast that the master has closed what a late joiner comes for.
    result = ecp(*target, "demo", "--limit", str(BARS), "--pace", "100")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[-1] == "All of it holds."
    assert "The first trade was copied" in result.stdout
    assert "missed deliveries" in result.stdout
    assert "too old to follow" in result.stdout
    assert "noticed that a delivery was missing" in result.stdout
    assert re.search(r"gita, .+\n.+\n.+took over [1-9]", result.stdout)
    assert re.search(r"hugo, .+\n.+\n.+found [1-9]\d* unreported orders again at the broker", result.stdout)
    assert re.search(r"Attacks: (\d+) of \1 ended as they must", result.stdout)

    told = {}
    for line in lines:
        if " # " in line:
            call, _, what = line.partition("#")
            told[what.strip()] = ecp(*shlex.split(call)[1:])
    assert all(found.exit_code == 0 for found in told.values())
    assert "Copied: delivery" in told["alice: copied"].stdout
    assert "TRG01" in told["alice: refused by the guard: it came too late"].stdout
    assert "TRG04" in told["bruno: refused by the broker"].stdout
    # Below her minimum; where the plane is slow, one may have come too late first.
    assert re.match(r"Skipped: .+(below the minimum|old when decided)", told["chen: skipped by the plane"].stdout)
    assert "CLOSING" in told["alice: all that was paid, and what for"].stdout
    assert "RESET" in told["the master: every point, and what it was for"].stdout
    assert re.search(r"ines: paid in 5,010.00, .+ nothing left once: closed all the same", result.stdout)
    assert ecp(*target, "verify").exit_code == 0


def test_a_run_after_a_run_finds_a_new_cast(database_url: str) -> None:
    for _ in range(2):
        assert ecp("--database-url", database_url, "demo", "--json", "--limit", "200").exit_code == 0
    with psycopg.connect(database_url) as db:
        assert db.execute("select count(distinct name) from signals.streams").fetchone() == (4,)


def test_it_plays_on_for_who_looks_at_the_console_until_told_to_stop(database_url: str) -> None:
    command = [
        *(sys.executable, "-m", "ops", "--database-url", database_url),
        *("demo", "--serve", "--http-port", "0", "--limit", "200", "--pace", "300"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        assert demo.stderr is not None
        console = demo.stderr.readline().partition(", until Ctrl-C")[0]
        _, _, token = demo.stderr.readline().rpartition(" ")
        held = (line for line in demo.stdout if line == "All of it holds.\n")
        next(held)
        with httpx.Client(follow_redirects=True) as browser:
            browser.headers["Origin"] = console.removesuffix("/console")
            browser.post(f"{console}/sign-in", data={"license": token.strip(), "scope": "operator"})
            assert "Latency by stage" in browser.get(console).text
        next(held)
        demo.send_signal(signal.SIGINT)
        assert (demo.wait(), demo.stderr.read()) == (0, "")
    with pytest.raises(httpx.ConnectError):
        httpx.get(console)


def test_a_book_that_differs_or_an_attack_that_succeeds_fails_the_run(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave = stage.leave

    async def spoil(play: Play) -> None:
        play.unlike.append("alice holds something else")
        play.adversary.attempts.append(Attempt("breaks in", "TRA01", "let in"))
        await leave(play)

    monkeypatch.setattr(stage, "leave", spoil)
    result = ecp("--database-url", database_url, "demo", "--limit", "200")
    assert result.exit_code == 1
    assert "FAILED: alice holds something else" in result.stdout
    assert "FAILED: the adversary breaks in: expected TRA01, got let in" in result.stdout
    assert "All of it holds." not in result.stdout


def test_a_broker_that_does_not_do_what_it_says_is_found_out(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PaperBroker, "_reduce", lambda *_: None)
    result = ecp("--database-url", database_url, "demo", "--limit", "200")
    assert result.exit_code == 1
    assert "FAILED: alice's broker holds something else than the copies" in result.stdout
    assert "FAILED: emil's broker holds something else than the copies" in result.stdout


def test_who_would_die_when_the_bars_are_over_lives(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The burst comes with the last bars, and so its deliveries after them."""
    monkeypatch.setattr(stage, "BURST_AT", 0.995)
    monkeypatch.setattr(stage, "BURST_FOR", 0.005)
    result = ecp("--database-url", database_url, "demo", "--limit", "200")
    assert result.exit_code == 0, result.output


def test_a_terminal_that_does_not_close_what_it_says_is_found_out(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Execution, "_reduce", lambda *_: None)
    monkeypatch.setattr(Execution, "_tell", staticmethod(lie))
    result = ecp("--database-url", database_url, "demo", "--limit", "200")
    assert result.exit_code == 1
    assert re.search(r"FAILED: fatou holds (BUY|SELL) .+ for \d+, and should hold nothing", result.stdout)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time,open,high,low,close\n2024-01-31,1,2,1,x\n", "line 2: close is 'x', which is not a number"),
        ("time,price\n" + "2024-01-31,1\n" * 50, "no trade comes of 50 bars"),
    ],
)
def test_bars_that_cannot_be_played_are_a_line_a_hint_and_status_2(
    database_url: str, tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "bars.csv"
    path.write_text(text)
    result = ecp("--database-url", database_url, "demo", "--bars", str(path))
    assert result.exit_code == 2
    first, second = result.stderr.splitlines()
    assert first.startswith(f"ecp: TRD15 {path}")
    assert said in first
    assert second.startswith("hint: ")


def test_other_prices_are_played_too(database_url: str, tmp_path: Path) -> None:
    path = tmp_path / "GOLD.m1.csv"
    closes = [200_000 + abs(n % 80 - 40) * 25 for n in range(300)]
    path.write_text("".join(f"{1_700_000_000 + 60 * n};{close / 100:.2f}\n" for n, close in enumerate(closes)))
    result = ecp("--database-url", database_url, "demo", "--bars", str(path))
    assert result.exit_code == 0, result.output
    assert "300 bars of GOLD.m1" in result.stdout
