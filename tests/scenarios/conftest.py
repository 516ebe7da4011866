"""A stage for each scenario; the property in full: pytest --hypothesis-profile=torture tests/scenarios."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import psycopg
import pytest

from gateway.server import Gateway
from gateway.settings import Settings
from tests.gateway.conftest import Market
from tests.models import conftest as models
from tests.scenarios.stage import CLOCK, UNHURRIED, Stage

__all__ = ["models"]


@pytest.fixture
def operator(db: psycopg.Connection[Any]) -> Market:
    """Whoever sets everything up, over SQL; in a plane that does nothing by the clock, and whose clock can be set."""
    db.execute(CLOCK)
    return Market(db)


@pytest.fixture
async def stage(operator: Market, gateway_dsn: str) -> AsyncIterator[Stage]:
    """Empty; at the end every invariant holds."""
    gateway = Gateway(Settings(port=0, database_url=gateway_dsn, **UNHURRIED))
    await gateway.start()
    connection = await asyncpg.connect(gateway_dsn)
    stage = Stage(operator, gateway, connection)
    try:
        yield stage
        await stage.verify()
    finally:
        await stage.clear()
        await connection.close()
        await gateway.stop()
