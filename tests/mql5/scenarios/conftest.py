"""A desk for each scenario: the real gateway, the real database, and the experts as they are shipped."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from gateway.server import Gateway
from gateway.settings import Settings
from ops.mql5.build import build
from ops.paths import ROOT
from tests.gateway.conftest import Market, start
from tests.mql5.scenarios.desk import Desk, Experts
from tests.scenarios.conftest import operator
from tests.scenarios.stage import UNHURRIED

__all__ = ["operator", "start"]

# Experts do by the heartbeat what Python terminals are told to do.
BRISK = UNHURRIED | {"heartbeat_ms": 200, "idle_ms": 60_000}


@pytest.fixture(scope="session")
def experts() -> Experts:
    """The experts, compiled."""
    folder = ROOT / "mql5" / "Experts"
    return Experts(build(folder / "MasterPublisher.mq5"), build(folder / "Subscriber.mq5"))


@pytest.fixture
async def desk(operator: Market, gateway_dsn: str, experts: Experts, tmp_path: Path) -> AsyncIterator[Desk]:
    """Empty; at the end every invariant holds."""
    operator.db.execute("update public.clock set ahead = '0 s'")
    gateway = Gateway(Settings(port=0, database_url=gateway_dsn, **BRISK))
    await gateway.start()
    connection = await asyncpg.connect(gateway_dsn)
    desk = Desk(operator, gateway, connection, experts, tmp_path)
    try:
        yield desk
        await desk.verify()
    finally:
        await desk.clear()
        await connection.close()
        await gateway.stop()
