"""K1, K2: the tests of the ledger, run as often as is wanted."""

import asyncio
import os
import sys
from random import Random

from ops.paths import ROOT
from ops.torture.fault import Outcome, Turn
from ops.torture.world import World

WITHDRAW = "tests/db/billing/test_withdraw.py"
DEBITS = "test_of_two_hundred_debits_at_once_exactly_as_many_succeed_as_are_covered"
TRANSFERS = "tests/db/billing/test_transfer.py::test_random_transfers_at_once_never_deadlock_and_sum_to_zero"


async def debits(world: World, _dice: Random, turn: Turn) -> Outcome:
    """200 debits at once against a balance for 57, `turn.size` times; in full against four balances."""
    which = "" if turn.size > 100 else "[57]"
    return await _test(world, f"{WITHDRAW}::{DEBITS}{which}", turn.size, "ECP_ROUNDS")


async def transfers(world: World, _dice: Random, turn: Turn) -> Outcome:
    """So many random transfers at once between six wallets: no deadlock, and nothing gained or lost."""
    return await _test(world, TRANSFERS, turn.size, "ECP_TRANSFERS")


async def _test(world: World, test: str, size: int, variable: str) -> Outcome:
    """On the tests' own server of the same stack; nothing else is to be done here meanwhile."""
    late = await world.settle()
    command = [sys.executable, "-m", "pytest", "-q", "--stack", world.server.cluster.name, "-p", "no:cacheprovider"]
    process = await asyncio.create_subprocess_exec(
        *command, test, cwd=ROOT, env=os.environ | {variable: str(size)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    outcome = Outcome(size, said=late)
    outcome.expect(process.returncode == 0, said.decode(errors="replace")[-2000:])
    return outcome
