"""What every fault is: something to inject into a world under load. Settling and checking are the same for all."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from ops.torture.world import FOLLOWERS, MASTERS, World


@dataclass
class Outcome:
    """What one round did, what it measured, and the promises that it saw broken itself."""

    injected: int = 1
    measured: dict[str, float] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def measure(self, name: str, value: float, limit: float | None = None) -> None:
        """Keeps the largest of a name; more than `limit` is a breach."""
        self.measured[name] = max(round(value, 1), self.measured.get(name, 0.0))
        if limit is not None:
            self.limits[name] = limit

    def expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.said.append(otherwise)

    @property
    def breaches(self) -> list[str]:
        """Each once."""
        late = [
            f"{name} {self.measured[name]:g} is more than {limit:g}"
            for name, limit in self.limits.items()
            if self.measured[name] > limit
        ]
        return [*dict.fromkeys(self.said), *late]


class Turn(NamedTuple):
    """One round of a fault."""

    number: int
    """From 1, over the whole run."""
    size: int
    """How much there is to inject in it; what of, the fault says."""


Inject = Callable[[World, Random, Turn], Awaitable[Outcome]]
"""The load runs when it begins."""


@dataclass(frozen=True)
class Amount:
    """How often, and how much each time."""

    rounds: int
    size: int = 1


@dataclass(frozen=True)
class Fault:
    """One line of the catalogue."""

    id: str
    what: str
    unit: str
    inject: Inject
    full: Amount
    short: Amount
    masters: int = MASTERS
    followers: int = FOLLOWERS
