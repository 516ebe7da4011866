"""The demo with the compiled experts at every terminal ends by itself, well, and notices what does not follow."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ops.cli import app
from ops.demo import experts
from ops.demo.experts import Show

BARS = 500


def demo(database_url: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--database-url", database_url, "demo", "--ea", *arguments])


@pytest.mark.core
def test_the_story_is_told_and_its_commands_work_afterwards(database_url: str) -> None:
    result = demo(database_url, "--limit", str(BARS))
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[-1] == "All of it holds."
    assert re.search(r"Attacks: (\d+) of \1 ended as they must", result.stdout)
    told = dict(re.findall(r"^  (\w+), subscription \d+: .+\n      (.+)$", result.stdout, re.MULTILINE))
    assert told.keys() == {"alice", "bruno", "chen", "dora", "emil", "fatou", "gita", "hugo", "ines"}
    assert all(re.match(r"executed [1-9]", line) for line in told.values())
    assert re.search(r"refused .*\d TRG01", told["alice"]), "opened while she was away"
    assert re.search(r"refused .*\d TRG04", told["bruno"])
    assert re.search(r"skipped [1-9]", told["chen"])
    assert re.search(r"caught up [1-9]", told["gita"])
    (kept,) = re.findall(r"said is in (.+)/NAME/journal\.log", result.stdout)
    journal = (Path(kept) / "hugo" / "journal.log").read_text()
    assert journal.count("connected as") == journal.count("there is no state") == 2, "he lost his files"
    for line in lines:
        if " # " in line:
            again = CliRunner().invoke(app, ["--database-url", database_url, *shlex.split(line.partition("#")[0])[1:]])
            assert again.exit_code == 0, again.output


def test_a_trade_that_no_decision_asked_for_is_found_out(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody trades by hand, with a comment as if it were a copy."""
    rest = Show._rest

    async def meddle(show: Show) -> None:
        fatou = next(copier for copier in show.copiers if copier.follower.name == "fatou")
        comment = f"{fatou.subscriber.subscription_id}.1.77"
        await fatou.expert.program.trade(fatou.instrument.symbol, "BUY", 0.05, comment=comment)
        monkeypatch.setattr(experts, "SETTLE_S", 1.0)
        await rest(show)

    monkeypatch.setattr(Show, "_rest", meddle)
    result = demo(database_url, "--limit", "100", "--json")
    assert result.exit_code == 1
    said: dict[str, Any] = json.loads(result.stdout)
    assert not said["ok"]
    assert any(re.match(r"fatou holds .*BUY 0\.05 for 77, and should hold", fault) for fault in said["faults"])
