"""A terminal is tried on the same gateway and market as the gateway itself."""

from tests.gateway.conftest import market, start

__all__ = ["market", "start"]
