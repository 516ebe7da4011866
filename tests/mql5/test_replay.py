"""The subscriber in the strategy tester: a recording for a connection, and the tester's broker for the account."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway import ecp_pb2 as pb
from gateway.wire import encode
from ops.mql5.build import build
from ops.mql5.program import Program, Symbol, specify
from ops.paths import ROOT
from tests.mql5.script import files

EXPERT = ROOT / "mql5" / "Experts" / "Subscriber.mq5"
NOW_US = 1_700_000_000_000_000
OPENED = [
    pb.Welcome(
        session=bytes(16), account="recorded", plane_time_us=NOW_US, heartbeat_ms=60_000, max_frame_bytes=65_536
    ),
    pb.Subscribed(subscription_id=9, stream="alpha", state="SYNCED", portfolio_id=3, mode=pb.HEDGING),
    pb.SpecificationsAck(portfolio_id=3),
    pb.AccountStateAck(),
]


def _opening(seq: int, **fields: Any) -> pb.Delivery:
    order: dict[str, Any] = {
        "subscription_id": 9, "delivery_seq": seq, "action": pb.OPEN, "symbol": "EURUSD", "side": pb.BUY,
        "position_id": 100 + seq, "volume_e8": 10_000_000, "price_e8": 107_219_000, "sent_at_us": NOW_US,
        "expires_at_us": NOW_US + 60_000_000,
    }  # fmt: skip
    return pb.Delivery(**order | fields)


@pytest.fixture
async def play(tmp_path: Path) -> AsyncIterator[Any]:
    """Plays connections, each some deliveries in frames of their own, and returns the running program."""
    programs: list[Program] = []

    async def play(*connections: Sequence[pb.Delivery], account: str = "HEDGING") -> Program:
        specify(tmp_path / "broker", [Symbol("EURUSD", 1.07210, 1.07219)], mode=account)
        frames: list[Any] = []
        for deliveries in connections:
            frames += [*OPENED, *(pb.Deliveries(deliveries=[delivery]) for delivery in deliveries)]
        (files(tmp_path) / "session.txt").write_text("".join(f"0 {encode(frame).hex()}\n" for frame in frames))
        inputs = {"InpLicense": "ecp_x", "InpSubscriptions": "9", "InpReplayFrom": "session.txt"}
        program = await Program.launch(build(EXPERT), tmp_path, inputs, options=["--tester"])
        programs.append(program)
        return program

    yield play
    for program in programs:
        if program.process.returncode is None:
            await program.stop()


async def test_what_was_recorded_is_guarded_and_executed(play: Any) -> None:
    late, far = {"expires_at_us": NOW_US - 1}, {"price_e8": 108_000_000, "max_deviation_e8": 100}
    close = pb.Delivery(subscription_id=9, delivery_seq=5, action=pb.PARTIAL_CLOSE, symbol="EURUSD", position_id=101)
    close.volume_e8 = 4_000_000
    program = await play([_opening(1), _opening(2, **late), _opening(3, **far), _opening(4, volume_e8=1), close])
    await program.wait_journal(r"TRG01 .*delivery 2,")
    await program.wait_journal(r"TRG02 .*delivery 3,")
    await program.wait_journal(r"TRG04 ")
    await program.wait_journal(r"delivery 5: PARTIAL_CLOSE .* 0\.06 lots")
    book = await program.book()
    assert [(held.real("volume"), held["comment"]) for held in book.positions] == [(0.04, "9.1.101")]


async def test_what_comes_twice_is_executed_once(play: Any) -> None:
    again = _opening(1)
    again.possible_duplicate = True
    program = await play([_opening(1), again, _opening(2)])
    await program.wait_journal("delivery 2: OPEN")
    assert len((await program.book()).positions) == 2


async def test_a_recording_goes_on_after_a_lost_connection(play: Any) -> None:
    program = await play([_opening(1)], [_opening(1), _opening(2)])
    await program.wait_journal("delivery 2: OPEN")
    assert sum("connected as recorded" in line for line in program.journal) == 2
    assert [held["comment"] for held in (await program.book()).positions] == ["9.1.101", "9.2.102"]


async def test_what_is_behind_a_hole_waits(play: Any) -> None:
    program = await play([_opening(1), _opening(3), _opening(2), _opening(3)])
    await program.wait_journal("TRS02 .*delivery 3 came after 1")
    await program.wait_journal("delivery 3: OPEN")
    assert [held["comment"] for held in (await program.book()).positions] == ["9.1.101", "9.2.102", "9.3.103"]


async def test_what_was_done_before_a_kill_is_found_in_the_history(play: Any, tmp_path: Path) -> None:
    """Without its state: the newest order in the history says how far it had come, and none is repeated."""
    program = await play([_opening(1), _opening(2)])
    await program.wait_journal("delivery 2: OPEN")
    await program.kill()
    for file in (files(tmp_path) / "ExecutionControl").iterdir():
        file.write_bytes(b"torn")
    program = await play([_opening(2), _opening(3)])
    await program.wait_journal("is damaged")
    await program.wait_journal("delivery 3: OPEN")
    assert [held["comment"] for held in (await program.book()).positions] == ["9.1.101", "9.2.102", "9.3.103"]


async def test_an_order_without_an_answer_is_not_sent_again(play: Any, tmp_path: Path) -> None:
    """The answer is lost, the order is not; then the terminal dies before it has reported, and loses its state."""
    program = await play([])
    await program.wait_journal("follows alpha")
    await program.fault("ANSWER_LOST")
    await program.stop()
    program = await play([_opening(1)])
    await program.wait_journal("delivery 1: OPEN|TRG06")
    await program.kill()
    for file in (files(tmp_path) / "ExecutionControl").iterdir():
        file.unlink()
    program = await play([_opening(1), _opening(2)])
    await program.wait_journal("delivery 2: OPEN")
    assert [held["comment"] for held in (await program.book()).positions] == ["9.1.101", "9.2.102"]


async def test_what_is_for_somebody_else_is_left_alone(play: Any) -> None:
    program = await play([_opening(1, subscription_id=10), _opening(1)])
    await program.wait_journal("delivery 1: OPEN")
    assert [held["comment"] for held in (await program.book()).positions] == ["9.1.101"]


async def test_a_plane_that_takes_the_account_for_another_kind_is_not_followed(play: Any) -> None:
    program = await play([_opening(1)], account="NETTING")
    await program.wait_journal("disagree whether it is hedging or netting")
    assert not (await program.book()).positions
