"""What a follower wants, was told and holds."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from tests.models.reference.master import Stops

LIVE = {"DELIVERED", "OPEN", "CLOSING"}


@dataclass(frozen=True)
class Settings:
    """A version of what the subscriber wants."""

    multiplier: Decimal = Decimal(1)
    least: Decimal = Decimal("0.01")
    most: Decimal = Decimal(100)
    step: Decimal = Decimal("0.01")
    ttl_us: int = 500_000
    reverse: bool = False
    late_join: str = "NONE"
    trades_per_day: int | None = None

    @classmethod
    def of(cls, wish: dict[str, Any], before: "Settings | None" = None) -> "Settings":
        """What signals.write_settings makes of these keys."""
        names = {"multiplier": "multiplier", "volume_min": "least", "volume_max": "most", "volume_step": "step"}
        given: dict[str, Any] = {names[key]: Decimal(value) for key, value in wish.items() if key in names}
        given |= {key: wish[key] for key in ("reverse", "late_join", "trades_per_day") if key in wish}
        if "ttl" in wish:
            given["ttl_us"] = int(wish["ttl"].removesuffix(" ms")) * 1000
        return replace(before or cls(), **given)

    def sized(self, master: Decimal) -> Decimal:
        return min(master * self.multiplier // self.step * self.step, self.most)

    def remainder(self, copy: "Copy", remains: Decimal) -> Decimal:
        """The same part of what was opened as remains to the master, down to the step."""
        if remains >= copy.master:
            return copy.opened
        return copy.opened * remains // (copy.master * self.step) * self.step

    def turned(self, side: str) -> str:
        return {"BUY": "SELL", "SELL": "BUY"}[side] if self.reverse else side


@dataclass(frozen=True)
class Copy:
    """The follower's side of a position of the master, as the plane knows it."""

    status: str
    side: str
    master: Decimal
    opened: Decimal = Decimal(0)
    target: Decimal = Decimal(0)
    held: Decimal = Decimal(0)
    pending: int = 0
    ticket: int | None = None
    stops: tuple[Decimal | None, Decimal | None] = (None, None)
    is_reversed: bool = False
    changed_us: int = 0

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    def arranged(self, stops: Stops) -> Stops:
        """The master's stops, on this side of the market."""
        return (stops[1], stops[0]) if self.is_reversed else stops


@dataclass(frozen=True)
class Delivered:
    """What the follower is to do."""

    place: tuple[int, int]
    action: str
    position: int
    side: str
    volume: Decimal = Decimal(0)
    expires_us: int = 0
    stops: Stops | None = None  # of what has any
    reason: str = "COPIED"
    decided_us: int = 0


@dataclass(frozen=True)
class Holding:
    """What the follower's broker holds of a position."""

    ticket: int
    side: str
    volume: Decimal
    stops: Stops
