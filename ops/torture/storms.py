"""N3: clients that resend everything, in any order, some of it changed."""

import asyncio
from collections import Counter
from random import Random
from typing import Any

from psycopg import Connection

from gateway import ecp_pb2 as pb
from gateway.client import Client, sign
from ops.bench import market
from ops.torture.fault import Outcome, Turn
from ops.torture.load import Master
from ops.torture.world import World

ORIGINALS = 20
"""What every stream has at least, before it is resent."""
FRAME = 100
CONFLICT_EVERY = 20
PATIENCE_S = 120.0
EFFECTS = """
    select (select count(*) from signals.signals), (select count(*) from signals.decisions),
      (select count(*) from signals.reports), (select count(*) from billing.transfers where kind = 'COPY_FEE'),
      (select count(*) from signals.protection_events where code = 'TRS01')"""


async def resends(world: World, dice: Random, turn: Turn) -> Outcome:
    """`turn.size` resends over all connections: shuffled, and one in twenty with another body under the same seq."""
    outcome = Outcome(0)
    masters = world.load.masters
    async with asyncio.timeout(PATIENCE_S):
        while min(len(master.sent) for master in masters) < ORIGINALS:
            await world.load.moved(1, PATIENCE_S)
    outcome.said += await world.settle()
    with world.connect() as connection:
        *before, refused = _effects(connection)
        each = -(-turn.size // len(masters))
        seeds = [Random(dice.random()) for _ in masters]
        tallies = await asyncio.gather(*(_storm(master, own, each) for master, own in zip(masters, seeds, strict=True)))
        *after, refused_since = _effects(connection)
    total = sum(tallies, Counter[str]())
    outcome.injected = total["resends"]
    outcome.expect(after == before, f"extra effects: {before} became {after}")
    outcome.expect(total["wrong"] == 0, f"{total['wrong']} resends did not get their original verdict")
    outcome.expect(
        total["flagged"] == total["conflicts"], f"{total['conflicts'] - total['flagged']} conflicts were not flagged"
    )
    outcome.expect(
        refused_since - refused == total["conflicts"],
        f"{total['conflicts']} conflicts, and {refused_since - refused} protection events",
    )
    outcome.measure("conflicts flagged", total["flagged"])
    return outcome


def _effects(connection: Connection[Any]) -> tuple[int, ...]:
    row: tuple[int, ...] | None = connection.execute(EFFECTS).fetchone()
    assert row is not None
    return row


async def _storm(master: Master, dice: Random, count: int) -> Counter[str]:
    client, tally = master.client, Counter[str]()
    assert client is not None
    while tally["resends"] < count:
        numbers = [dice.randrange(len(master.sent)) for _ in range(FRAME)]
        changed = [dice.randrange(CONFLICT_EVERY) == 0 for _ in numbers]
        frame = [
            _changed(master.sent[number], dice) if is_changed else master.sent[number]
            for number, is_changed in zip(numbers, changed, strict=True)
        ]
        ack = await _decided(client, master.stream.stream_id, frame)
        for number, is_changed, verdict, original in zip(numbers, changed, ack.verdicts, ack.originals, strict=True):
            tally["resends"] += 1
            if is_changed:
                tally["conflicts"] += 1
                tally["flagged"] += verdict == pb.REPLAY
            else:
                tally["wrong"] += (verdict, original) != (pb.DUPLICATE, master.verdicts[number])
    return tally


async def _decided(client: Client, stream_id: int, frame: list[pb.SignedSignal]) -> pb.Ack:
    """Until it is: a frame that took too long is sent again, as a client would."""
    while True:
        ack = await client.publish(stream_id, frame)
        if pb.UNDECIDED not in ack.verdicts:
            return ack


def _changed(signed: pb.SignedSignal, dice: Random) -> pb.SignedSignal:
    """Another body under the same seq, signed with the stream's own key."""
    signal = pb.Signal.FromString(signed.signal)
    signal.volume_e8 += 1_000_000 * dice.randint(1, 9)
    return sign(market.KEY, signal)
