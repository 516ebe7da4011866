"""What the plane says that followers hold, beside what their brokers say."""

import asyncio
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from ops import explain
from ops.demo.bars import E8
from ops.demo.copier import Copier
from ops.demo.master import Master

SETTLE_S = 30.0
POLL_S = 0.02


@dataclass(frozen=True)
class Exposure:
    """The master's open position: the seqs of its opening and of the partial closes since; none when flat."""

    position_id: int = 0
    seqs: tuple[int, ...] = ()


FLAT = Exposure()


async def settle(db: Connection[Any], master: Master, copiers: list[Copier]) -> list[str]:
    """Wait until every signal is decided, dispatched, executed and reported; who was not at rest in time, in words."""
    late = []
    waits = {"the master": master.settle()} | {c.follower.name: _rest(db, master, c) for c in copiers}
    for who, rest in waits.items():
        try:
            await asyncio.wait_for(rest, SETTLE_S)
        except TimeoutError:
            late.append(f"{who} did not come to rest within {SETTLE_S:.0f} s")
    return late


async def _rest(db: Connection[Any], master: Master, copier: Copier) -> None:
    """Wait until the newest signal was decided for the copier, and nothing is left to execute or to be acked."""
    while True:
        row = explain.read(db, copier.subscription_id, master.epoch, master.last_seq)
        if row["outcome"] != "PENDING" and copier.idle and copier.sequence.last >= await copier.newest():
            return
        await asyncio.sleep(POLL_S)


def differences(db: Connection[Any], master: Master, copiers: list[Copier], exposure: Exposure) -> list[str]:
    """Where a broker's book is not what the master's book and the plane's decisions imply, in words."""
    found = []
    for copier in copiers:
        expected = _implied(db, master, copier, exposure)
        held = {position: copier.broker.book[ticket].volume for position, ticket in copier.tickets.items()}
        if held != expected or len(copier.broker.book) != len(held):
            found.append(f"{copier.follower.name} holds {held or 'nothing'}, and should hold {expected or 'nothing'}")
    return found


def _implied(db: Connection[Any], master: Master, copier: Copier, exposure: Exposure) -> dict[int, int]:
    """Position and volume (1e-8 lots): of an opening that was executed, what the newest decision leaves."""
    rows = [explain.read(db, copier.subscription_id, master.epoch, seq) for seq in exposure.seqs]
    if not rows or rows[0]["report"] != "EXECUTED":
        return {}
    volume = next(row["volume"] for row in reversed(rows) if row["outcome"] == "DELIVERED")
    return {exposure.position_id: int(volume * E8)} if volume else {}
