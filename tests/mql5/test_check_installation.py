"""The script says what is right, and what to do about what is not."""

from pathlib import Path

import pytest

from gateway.client import Client
from gateway.server import Gateway
from ops.mql5.build import build
from ops.mql5.program import Symbol, run_script, specify
from ops.paths import ROOT
from tests.gateway.conftest import Market, gateway, market, start

__all__ = ["gateway", "market", "start"]

SCRIPT = ROOT / "mql5" / "Scripts" / "CheckInstallation.mq5"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    specify(tmp_path / "broker", [Symbol("EURUSD.m", 1.07212, 1.07221)])
    return tmp_path


async def _check(home: Path, gateway: Gateway, token: str, **inputs: str | bool) -> list[str]:
    given = {"InpPort": gateway.address[1], "InpTls": False, "InpLicense": token, **inputs}
    return await run_script(build(SCRIPT), home, given)


async def test_all_is_well(home: Path, gateway: Gateway, market: Market) -> None:
    token, _ = market.subscriber(market.master())
    said = await _check(home, gateway, token)
    assert said[-1] == "ECP: All is well."
    assert any("EURUSD is EURUSD.m" in line for line in said)
    assert not any("WRONG" in line for line in said)


async def test_it_leaves_the_license_free(home: Path, gateway: Gateway, market: Market) -> None:
    token, _ = market.subscriber(market.master())
    await _check(home, gateway, token)
    client = await Client.connect(*gateway.address, token)
    await client.close()


async def test_a_license_that_nobody_knows(home: Path, gateway: Gateway) -> None:
    said = await _check(home, gateway, f"ecp_{'0' * 32}_{'1' * 64}")
    assert any("TRA01 LICENSE_UNKNOWN" in line and "What to do" in line for line in said)
    assert said[-1] == "ECP: 1 to be set right."


async def test_a_license_in_use_a_symbol_that_is_not_there_and_a_closed_port(
    home: Path, gateway: Gateway, market: Market
) -> None:
    token, _ = market.subscriber(market.master())
    client = await Client.connect(*gateway.address, token)
    said = await _check(home, gateway, token, InpSymbols="XAUUSD")
    assert any("TRA05 SESSION_HELD" in line for line in said)
    assert any("WRONG  XAUUSD is not offered here" in line for line in said)
    await client.close()
    await gateway.stop()
    said = await _check(home, gateway, token)
    assert any(line.startswith("ECP: WRONG  127.0.0.1:") for line in said)


async def test_an_address_that_is_not_allowed(home: Path, gateway: Gateway) -> None:
    said = await _check(home, gateway, "ecp_x", InpHost="203.0.113.1")
    assert any("Allow the address" in line for line in said)
