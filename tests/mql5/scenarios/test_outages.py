"""What is away comes back: gateways, the database, the wire. Nothing is lost, and nothing is done twice."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from ops import scratch
from ops.mql5.program import Symbol
from ops.paths import VAR
from ops.postgres import embedded
from ops.postgres.cluster import Cluster
from ops.torture.process import GatewayProcess
from tests.gateway.conftest import Market, Start, terminate
from tests.mql5.scenarios.desk import ASK, BID, BRISK, Desk, Experts, opened
from tests.mql5.scenarios.wire import Wire
from tests.scenarios.stage import CLOCK, Held

BURST = 16


@pytest.fixture
def own_server() -> Iterator[Cluster]:
    """A server that no other test uses. Below var, because its own user must be able to reach it."""
    VAR.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=VAR, prefix="test-") as folder:
        found = embedded.cluster(Path(folder) / "cluster", {})
        yield found
        found.remove()


@pytest.fixture
async def own_desk(own_server: Cluster, experts: Experts, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk whose database server can be stopped."""
    url = scratch.database(own_server, "desk", lanes=8)
    operator = Market(psycopg.connect(url, autocommit=True))
    operator.db.execute(CLOCK)
    async with opened(operator, own_server.url("desk", user="ecp_gateway"), experts, tmp_path) as desk:
        yield desk
    operator.db.close()


@pytest.mark.parametrize("who", ["gateway", "database", "wire"])
async def test_an_outage_is_survived_without_loss_or_repeat(desk: Desk, who: str, start: Start) -> None:
    gateway = await start(**BRISK)
    async with Wire(gateway.address[1]) as wire:
        master = await desk.expert_master(port=wire.port)
        copier = await desk.expert_copier(master, port=wire.port)
        tickets = [await master.open()]
        await master.told()
        match who:
            case "gateway":
                await gateway.stop()
                tickets.append(await master.open())
                wire.onward = (await start(**BRISK)).address[1]
            case "database":
                terminate(desk.operator.db, "")
                tickets.append(await master.open())
            case _:
                wire.cut()
                tickets.append(await master.open())
        await master.told()
        await copier.reported()
        tickets.append(await master.open())
        await master.told()
        await copier.reported()
        assert await copier.holds() == [Held(ticket, "EURUSD", "BUY", "0.10") for ticket in tickets]
        assert len(await copier.deals()) == 3
        # Nothing is lost that would need a new epoch.
        assert master.standing() == (1, 4)


async def test_gateway_is_killed_in_the_middle_of_a_burst(desk: Desk, gateway_dsn: str, tmp_path: Path) -> None:
    """By SIGKILL, when it has committed signals and told nobody; then again, with reports."""
    settings = {f"ECP_{name.upper()}": str(value) for name, value in BRISK.items()}
    gateway = GatewayProcess(gateway_dsn, tmp_path / "gateway.log", **settings)
    await gateway.start()
    try:
        master = await desk.expert_master(port=gateway.port)
        copier = await desk.expert_copier(master, port=gateway.port)
        burst = []
        for point in ("after_commit", "after_report"):
            burst += [await master.open("BUY", round(0.10 + number / 100, 2)) for number in range(BURST // 2)]
            await gateway.trap(point, 1)
            burst += [await master.open("BUY", round(0.20 + number / 100, 2)) for number in range(BURST // 2)]
            await gateway.ended()
            burst += [await master.open("SELL")]
            await gateway.start()
            await master.told()
            await copier.reported()
        held = await copier.holds()
        assert [one.position for one in held] == burst
        assert len(await copier.deals()) == len(burst)
        assert copier.reports() == [("OPEN", "EXECUTED", None)] * len(burst)
        assert master.standing() == (1, 1 + len(burst))
    finally:
        await gateway.kill()


async def test_database_server_is_stopped_and_started_under_connected_experts(
    own_desk: Desk, own_server: Cluster
) -> None:
    desk = own_desk
    master = await desk.expert_master()
    copier = await desk.expert_copier(master)
    closed = await master.open("BUY", 0.30)
    kept = await master.open("SELL", 0.20)
    await master.told()
    await copier.reported()

    await asyncio.to_thread(own_server.stop)
    await master.program.close(closed)
    fresh = await master.open("BUY", 0.10)
    # It is not only that nobody asked: the plane said that it could not decide.
    await master.program.wait_journal("TRD0[12] .*What to do: ")
    assert len(await copier.deals()) == 2
    await asyncio.to_thread(own_server.start)
    desk.operator.db.close()
    desk.operator.db = psycopg.connect(own_server.url("desk"), autocommit=True)

    await master.told()
    await copier.reported()
    assert await copier.holds() == [
        Held(kept, "EURUSD", "SELL", "0.20"), Held(fresh, "EURUSD", "BUY", "0.10"),
    ]  # fmt: skip
    assert len(await copier.deals()) == 4
    assert copier.reports() == [(action, "EXECUTED", None) for action in ("OPEN", "OPEN", "CLOSE", "OPEN")]
    assert master.standing() == (1, 5)


async def test_a_subscribe_that_was_refused_for_now_is_asked_again_and_then_follows(desk: Desk, start: Start) -> None:
    gateway = await start(**BRISK | {"call_deadline_ms": 300})
    master = await desk.expert_master()
    copier = await desk.expert_copier(master, port=gateway.address[1], starts=False)
    ticket = await master.open()
    await master.told()
    with desk.operator.db.transaction():
        # Whoever resumes waits for it, and nobody who only opens a session.
        desk.operator.db.execute("lock table signals.subscriptions in access exclusive mode")
        await copier.launch()
        await copier.program.wait_journal("TRD0[12] .*What to do: ")
        await copier.program.wait_journal("TRD0[12] .*What to do: ", anew=True)
    await copier.program.wait_journal("follows .* by subscription")
    await copier.ready()
    await copier.reported()
    assert await copier.holds() == [Held(ticket, "EURUSD", "BUY", "0.10")]


async def test_a_subscription_that_is_not_ours_keeps_no_other_from_being_followed(desk: Desk) -> None:
    """Nor its symbols from being told, without which nothing would be copied here."""
    master = await desk.expert_master()
    other = await desk.expert_copier(master)
    copier = await desk.expert_copier(master, symbols=(Symbol("EURUSD.m", BID, ASK),), starts=False)
    copier.inputs["InpSubscriptions"] = f"{other.subscription},{copier.subscription}"
    await copier.launch()
    await copier.program.wait_journal(f"TRS17 .*{other.subscription}.*What to do: ")
    await copier.program.wait_journal("the master's EURUSD is EURUSD.m here")
    ticket = await master.open()
    await master.told()
    for each, symbol in ((copier, "EURUSD.m"), (other, "EURUSD")):
        await each.reported()
        assert await each.holds() == [Held(ticket, symbol, "BUY", "0.10")]
