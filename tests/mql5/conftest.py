"""How long the long ones are: pytest --mql5-frames 10000000 --mql5-kills 1000 tests/mql5."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--mql5-frames", type=int, default=50_000, help="mutated frames for the reader in MQL5")
    parser.addoption("--mql5-kills", type=int, default=25, help="kills that the state file has to survive")
