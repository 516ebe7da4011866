"""A desk for each scenario: the real gateway, the real database, and the experts as they are shipped."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ops.mql5.build import build
from ops.paths import ROOT
from tests.gateway.conftest import Market, start
from tests.mql5.scenarios.desk import Desk, Experts, opened
from tests.scenarios.conftest import operator

__all__ = ["operator", "start"]


@pytest.fixture(scope="session")
def experts() -> Experts:
    """The experts, compiled."""
    folder = ROOT / "mql5" / "Experts"
    return Experts(build(folder / "MasterPublisher.mq5"), build(folder / "Subscriber.mq5"))


@pytest.fixture
async def desk(operator: Market, gateway_dsn: str, experts: Experts, tmp_path: Path) -> AsyncIterator[Desk]:
    """On a database of the test's own."""
    async with opened(operator, gateway_dsn, experts, tmp_path) as desk:
        yield desk
