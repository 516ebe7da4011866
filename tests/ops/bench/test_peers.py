"""Every contestant gets the same signals, and all that it answered is where it should be."""

import asyncio
import json
import os
import shutil
from contextlib import ExitStack
from pathlib import Path
from xml.etree import ElementTree

import psycopg
import pytest
import uvloop
from psycopg import Connection
from typer.testing import CliRunner

from gateway import ecp_pb2 as pb
from gateway.wire import encode
from ops.bench import cpu, prepared
from ops.bench.peers import budget, compare, contestants, redis
from ops.bench.prepared import Sender
from ops.cli import app
from ops.errors import Refusal

pytestmark = pytest.mark.core

RATE, SECONDS, ROUNDS = 400, 0.5, 2
OFFERED = round(RATE * SECONDS)
BOUND = 6.4
"""CPU of a signal in echoes of one message; it was 4.0 when this was written."""

needs_redis = pytest.mark.skipif(
    shutil.which("redis-server") is None and os.geteuid() != 0, reason="redis-server is not installed, and cannot be"
)


class Mute(asyncio.Transport):
    """Takes what it is given."""

    def write(self, data: object) -> None:
        pass


@needs_redis
def test_what_was_answered_is_stored(
    database_url: str, db: Connection[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis, "VAR", tmp_path / "var")
    # However slow the machine is: what is refused for being busy is not stored.
    monkeypatch.setenv("ECP_SHED_MS", "60000")
    ran = CliRunner().invoke(
        app,
        [
            *("--database-url", database_url, "bench", "ingest", "--peers", "--json"),
            *("--rate", str(RATE), "--seconds", str(SECONDS), "--rounds", str(ROUNDS)),
            *("--plot", str(tmp_path / "bars.svg")),
        ],
    )
    assert ran.exit_code == 0, ran.output
    said = json.loads(ran.stdout)
    assert (said["offered_rate"], said["rounds"]) == (RATE, ROUNDS)
    for name in compare.NAMES:
        peer = said[name]
        # Warm-up, at the rate, and flat out; a master of the plane sends one more when it connects.
        expected = ROUNDS * (round(RATE * compare.WARM_UP_S) + 2 * OFFERED + (name == "ours") * compare.MASTERS)
        assert (name, peer["answered"], peer["stored"]) == (name, expected, expected)
        assert peer["rate"] > 0
        assert 0 < peer["p50_ms"] <= peer["p99_ms"]
        assert peer["cpu_us"] > 0
    drawn = ElementTree.parse(tmp_path / "bars.svg").getroot()  # noqa: S314 - our own
    assert {text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")} >= set(compare.NAMES)
    bars = [float(bar.get("width", "0")) for bar in drawn.iter("{http://www.w3.org/2000/svg}rect") if bar.get("x")]
    assert len(bars) == 3 * len(compare.NAMES)
    rates = [said[name]["rate"] for name in compare.NAMES]
    assert bars[0] / max(bars[: len(rates)]) == pytest.approx(rates[0] / max(rates), abs=0.01)
    assert said["pgbench_floor"]["rate"] > 0
    assert said["redis_worker"]["ack_rate"] >= said["redis_worker"]["rate"]
    others = {*compare.NAMES, "pgbench_floor"} - {"ours"}
    assert said["ratios"] == {name: round(said["ours"]["rate"] / said[name]["rate"], 3) for name in others}
    assert said["sql_ratio"] == round(said["sql_ingest"]["rate"] / said["bare_insert"]["rate"], 3)
    # Of the plane's own table only what went through the plane; of the peers nothing is left.
    through = said["ours"]["stored"] + said["sql_ingest"]["stored"]
    assert db.execute("select count(*) from signals.signals").fetchone() == (through,)
    assert db.execute("select to_regnamespace('bench')").fetchone() == (None,)
    assert list((tmp_path / "var").iterdir()) == []


@needs_redis
def test_redis_writes_a_journal_every_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis, "VAR", tmp_path)
    with redis.server() as server:
        assert Path(f"/proc/{server.pid}").exists()
        (home,) = tmp_path.glob("redis-*")
        config = (home / "redis.conf").read_text().splitlines()
        assert {"appendonly yes", "appendfsync everysec", "port 0"} <= set(config)
        assert list((home / "appendonlydir").iterdir())
    assert not home.exists()


def test_a_missing_redis_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Refusal, match="TRD18"), redis.server():
        pass


async def test_a_frame_is_found_however_it_is_cut() -> None:
    """What comes back is counted by frames, and a frame may come in any number of pieces."""
    frames = [encode(pb.Ack(verdicts=[pb.ACCEPTED] * count)) for count in (1, 200, 3)]
    data = b"".join(frames)
    for size in (1, 2, 7, len(data)):
        sender = Sender(1, prepared.signals(1, 3))
        sender.transport = Mute()
        answers = [sender.send([0.0]) for _ in frames]
        for begin in range(0, len(data), size):
            sender.data_received(data[begin : begin + size])
        assert [len(sender.verdicts(await answer)) for answer in answers] == [1, 200, 3]
        assert sender.received == 3


def test_a_signal_costs_no_more_cpu_than_it_did(database_url: str, db: Connection[object]) -> None:
    """A ratio of CPU, so that it is the same on a slow machine and beside others."""
    with psycopg.connect(database_url):
        if not cpu.backends(db):
            pytest.skip("the server's processes are not to be seen from here")
    cost = budget.measure(database_url, rounds=3)
    assert cost.ratio < BOUND, cost


@needs_redis
def test_the_pipeline_checks_what_it_can(db: Connection[object], database_url: str) -> None:
    """Signature and sequence; what is refused is not written."""
    first, second, third = prepared.signals(1, 3)
    forged = pb.SignedSignal(signal=second.signal, tag=first.tag)

    async def talk(port: int) -> list[list[str]]:
        sender = Sender(1, [first, forged, third, second, third])
        await sender.dial(port)
        answers = [sender.send([0.0] * count) for count in (1, 1, 2, 1)]
        said = [sender.verdicts(await answer) for answer in answers]
        sender.close()
        return said

    with ExitStack() as running:
        pipeline = contestants.START["redis_xadd"](contestants.Ground(database_url, db, running))
        assert isinstance(pipeline, contestants.Xadd)
        checking = running.enter_context(contestants.front(pipeline.socket, "checked", checks="all"))
        assert uvloop.run(talk(checking.port)) == [["ACCEPTED"], ["BAD_SIGNATURE"], ["GAP", "ACCEPTED"], ["ACCEPTED"]]
