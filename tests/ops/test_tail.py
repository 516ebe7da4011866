"""`ecp tail`: what happens, as it is committed, until Ctrl-C."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.db.plane import Plane

pytestmark = pytest.mark.core


@contextmanager
def tail(plane: Plane, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """The command as it is typed, once it follows."""
    command = [sys.executable, "-m", "ops", "--database-url", plane.url, "tail", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        try:
            assert process.stderr.readline() == "following; Ctrl-C ends it\n"
            yield process
        finally:
            process.kill()


def test_it_shows_what_is_committed_from_then_on_and_ends_cleanly(own_plane: Plane) -> None:
    master = own_plane.master()
    copier = own_plane.copier(master)
    master.does("OPEN", 1, volume="0.30", price="1.07219")
    with tail(own_plane) as process:
        assert process.stdout
        master.does("OPEN", 2, volume="0.30", price="1.07219")
        first = process.stdout.readline()
        assert first.split() == [
            "12:00:00.000000", "SIGNAL", "stream", str(master.stream), "1/2", "ACCEPTED",
            "OPEN", "EURUSD", "BUY", "0.3", "at", "1.07219",
        ]  # fmt: skip
        copier.receives()
        decisions = [process.stdout.readline().split() for _ in range(2)]
        assert [words[1:7] for words in decisions] == [
            ["DECISION", "stream", str(master.stream), "subscription", str(copier.subscription), f"1/{seq}"]
            for seq in (1, 2)
        ]
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert process.stderr
        assert (process.stdout.read(), process.stderr.read()) == ("", "")


def test_it_ends_after_so_many_and_says_an_object_a_line(own_plane: Plane) -> None:
    master, other = own_plane.master(), own_plane.master()
    with tail(own_plane, "--count", "2", "--stream", str(master.stream), "--json") as process:
        other.does("OPEN", 1)
        master.does("OPEN", 1)
        master.does("OPEN", 2, symbol="NOTHING")
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
    rows = [json.loads(line) for line in out.splitlines()]
    assert (rows[0]["kind"], rows[0]["seq"], rows[0]["outcome"]) == ("SIGNAL", 1, "ACCEPTED")
    assert {row["stream_id"] for row in rows} == {master.stream}
