"""What somebody in the middle changed, repeated or made up is refused, and what was meant comes all the same."""

from pathlib import Path

from gateway import ecp_pb2 as pb
from gateway.wire import encode
from tests.gateway.conftest import Start
from tests.mql5.scenarios.desk import BRISK, Desk, ExpertMaster
from tests.mql5.scenarios.wire import Wire
from tests.scenarios.stage import Held

TLS = Path(__file__).parents[2] / "gateway" / "tls"
EVENTS = "select code from signals.protection_events where stream_id = %s order by occurred_at"
SCORE = """
select score from trust.scores as s inner join signals.streams as t using (account_id)
where t.stream_id = %s and s.role = 'provider'
"""


def enlarge(data: bytes) -> bytes:
    """Ten times the volume of what is opened, under the tag of what was signed."""
    wire = pb.Wire.FromString(data)
    for frame in wire.frames:
        for one in frame.publish.signals:
            signal = pb.Signal.FromString(one.signal)
            signal.volume_e8 *= 10
            one.signal = signal.SerializeToString()
    return wire.SerializeToString()


def events(desk: Desk, master: ExpertMaster) -> list[str]:
    return [row["code"] for row in desk.rows(EVENTS, master.master.stream_id)]


async def test_a_signal_that_was_changed_on_its_way_is_refused_and_comes_again_as_it_was_signed(desk: Desk) -> None:
    async with Wire(desk.port) as wire:
        master = await desk.expert_master(port=wire.port)
        copier = await desk.expert_copier(master)
        changed = wire.tamper("up", enlarge)
        ticket = await master.open()
        await changed.wait()
        await master.program.wait_journal(r"TRS03 .*signal 1\.2.*What to do: ")
        assert (master.standing(), events(desk, master)) == ((1, 1), ["TRS03"])
        assert desk.value(SCORE, master.master.stream_id) == 60
        assert await copier.deals() == []
        # It does not send into a connection what that connection has spoiled once.
        wire.cut()
        await master.told()
        await copier.reported()
        assert await copier.holds() == [Held(ticket, "EURUSD", "BUY", "0.10")]
        assert events(desk, master) == ["TRS03"]


async def test_a_master_with_a_wrong_key_publishes_nothing_and_with_the_right_one_everything(desk: Desk) -> None:
    master = await desk.expert_master(starts=False)
    copier = await desk.expert_copier(master)
    right = master.inputs["InpStreamKey"]
    master.inputs["InpStreamKey"] = "00" * 32
    await master.launch()
    await master.program.wait_journal("TRS03 .*What to do: ")
    ticket = await master.open()
    assert (master.standing(), events(desk, master)) == ((1, 0), ["TRS03"])
    await master.program.stop()
    # What it had numbered and kept is the same, under another tag.
    master.inputs["InpStreamKey"] = right
    await master.launch()
    await master.ready()
    fresh = await master.open("SELL")
    await master.told()
    await copier.reported()
    assert await copier.holds() == [Held(ticket, "EURUSD", "BUY", "0.10"), Held(fresh, "EURUSD", "SELL", "0.10")]
    assert events(desk, master) == ["TRS03"]


async def test_deliveries_that_are_repeated_or_anothers_are_not_executed(desk: Desk) -> None:
    async with Wire(desk.port) as wire:
        master = await desk.expert_master()
        copier = await desk.expert_copier(master, port=wire.port)

        def repeat(data: bytes) -> bytes:
            """The same once more; the same under another subscription's number; and one from far ahead."""
            more = b""
            for frame in pb.Wire.FromString(data).frames:
                if not frame.deliveries.deliveries:
                    continue
                (delivery,) = frame.deliveries.deliveries
                foreign, ahead = pb.Delivery(), pb.Delivery()
                foreign.CopyFrom(delivery)
                foreign.subscription_id += 1
                ahead.CopyFrom(delivery)
                ahead.delivery_seq += 5
                more += encode(pb.Deliveries(deliveries=[delivery, foreign, ahead]))
            return data + more

        changed = wire.tamper("down", repeat)
        tickets = [await master.open()]
        await changed.wait()
        await copier.program.wait_journal("TRS02 .*delivery 6 came after 1; asking again")
        tickets.append(await master.open())
        await master.told()
        await copier.reported()
        assert await copier.holds() == [Held(ticket, "EURUSD", "BUY", "0.10") for ticket in tickets]
        assert len(await copier.deals()) == 2
        assert copier.reports() == [("OPEN", "EXECUTED", None)] * 2


async def test_a_tampered_frame_ends_the_connection_and_nothing_is_lost_or_done_that_was_not_sent(desk: Desk) -> None:
    master = await desk.expert_master()
    async with Wire(desk.port) as wire:
        copier = await desk.expert_copier(master, port=wire.port)
        await copier.program.wait_journal("connected as")
        # The length of the frame, and with it where the next begins.
        await wire.tamper("down", lambda data: b"\x0a\x00" + data).wait()
        await copier.program.wait_journal("TRP0[123] .*from the plane")
        ticket = await master.open()
        await master.told()
        await copier.reported()
        assert await copier.holds() == [Held(ticket, "EURUSD", "BUY", "0.10")]
        assert copier.reports() == [("OPEN", "EXECUTED", None)]


async def test_under_tls_no_byte_of_a_delivery_can_be_another(desk: Desk, start: Start) -> None:
    """Deliveries carry no tag of their own: what vouches for them is the record that they come in."""
    gateway = await start(tls_certificate=TLS / "server.pem", tls_key=TLS / "server.key", **BRISK)
    async with Wire(gateway.address[1]) as wire:
        master = await desk.expert_master()
        copier = await desk.expert_copier(master, starts=False, port=wire.port, inputs={"InpTls": True})
        copier.authorities = TLS / "ca.pem"
        await copier.launch()
        await copier.ready()
        wire.hold("down")
        ticket = await master.open("BUY", 0.10)
        await master.told()
        await desk.until(desk.is_dispatched)
        changed = wire.tamper("down", lambda data: data[:-1] + bytes([data[-1] ^ 1]))
        wire.release("down")
        await changed.wait()
        await copier.program.wait_journal("the connection was lost")
        await copier.reported()
        assert await copier.holds() == [Held(ticket, "EURUSD", "BUY", "0.10")]
        assert copier.reports() == [("OPEN", "EXECUTED", None)]
