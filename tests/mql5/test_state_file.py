"""The state survives being killed at any moment, and what is not whole is never taken."""

import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from tests.mql5.script import command, files, printed, run

# In full: ECP_LONG=1.
KILLS = 1000 if os.environ.get("ECP_LONG") else 25


def test_what_was_saved_survives_a_kill(tmp_path: Path, drawn_seed: int) -> None:
    """Killed after so many lines and then a moment that is drawn, it has all that it said it had saved."""
    draw = random.Random(drawn_seed)
    saved = 0
    for kill in range(KILLS):
        with subprocess.Popen(
            command("State", tmp_path, Write=True, Size=draw.choice([1, 3000, 200_000])),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        ) as writer:  # fmt: skip
            assert writer.stdout is not None
            lines = [writer.stdout.readline() for _ in range(draw.randint(3, 8))]
            # A busy loop, since what is drawn are microseconds.
            for _ in range(draw.randint(0, 20_000)):
                pass
            writer.send_signal(signal.SIGKILL)
            lines += writer.stdout.readlines()
        said = printed("".join(line for line in lines if line.endswith("\n")))
        assert "not saved" not in said
        found, generation, whole = said[0].split(" ")
        assert (found, whole) == ("STATE_FOUND" if saved else "STATE_MISSING", "whole"), (kill, said)
        assert int(generation) >= saved, (kill, said)
        saved = int(said[-1].split(" ")[1])
    assert run("State", tmp_path, Write=False)[0].startswith("STATE_FOUND")


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """A folder with a state, the one before it, and no other."""
    with subprocess.Popen(
        command("State", tmp_path, Write=True, Size=50), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        while "saved" not in (line := writer.stdout.readline()) or line.rstrip().endswith("%201"):
            pass
        writer.kill()
    return tmp_path


def _state(folder: Path) -> tuple[str, int, str]:
    found, generation, whole = run("State", folder, Write=False)[0].split(" ")
    return found, int(generation), whole


def test_the_state_before_is_taken_when_the_newest_is_damaged(three: Path) -> None:
    """At every byte: a bit is turned, or the file ends there."""
    _, newest, _ = _state(three)
    state = files(three) / "kept.state"
    (files(three) / "kept.state.new").unlink(missing_ok=True)
    whole = state.read_bytes()
    for at in range(0, len(whole), 9):
        for damaged in (whole[:at], whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :], whole + b"x"):
            state.write_bytes(damaged)
            assert _state(three) == ("STATE_FOUND", newest - 1, "whole"), at


def test_nothing_is_found_where_nothing_is_whole(three: Path) -> None:
    for file in files(three).iterdir():
        file.write_bytes(b"\0" * 60)
    assert _state(three) == ("STATE_CORRUPT", 0, "whole")
    for file in files(three).iterdir():
        file.unlink()
    assert _state(three) == ("STATE_MISSING", 0, "whole")


def test_what_was_written_and_not_yet_renamed_counts(three: Path) -> None:
    """And is not written over before it has its place, for it is the only copy."""
    _, newest, _ = _state(three)
    folder = files(three)
    (folder / "kept.state").rename(folder / "kept.state.new")
    assert _state(three) == ("STATE_FOUND", newest, "whole")
    assert not (folder / "kept.state.new").exists()
    assert (folder / "kept.state").exists()
