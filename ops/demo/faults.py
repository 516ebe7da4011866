"""What can go wrong with an order, and schedules of it: all of them the same in every run."""

import random
from collections.abc import Callable, Mapping
from enum import Enum, auto


class Fault(Enum):
    """After the last three the terminal gets no answer, and cannot tell which of them it was."""

    REJECT = auto()
    REQUOTE = auto()  # refused once; the next order fills at another price
    PARTIAL = auto()  # about half of it is filled
    ANSWER_LOST = auto()  # it is done all the same
    ORDER_LOST = auto()  # it never arrived
    HELD = auto()  # it is done when the broker releases it


# The fault of the n-th order, from 1.
Faults = Callable[[int], Fault | None]


def never(_: int) -> None:
    """Nothing goes wrong."""


def every(count: int, fault: Fault) -> Faults:
    """Each time so many orders have been sent."""
    return lambda order: fault if order % count == 0 else None


def by_chance(seed: int, shares: Mapping[Fault, float]) -> Faults:
    """Each fault with its share of all orders, the same ones in every run."""
    chance = random.Random(seed)

    def draw(_: int) -> Fault | None:
        point = chance.random()
        for fault, share in shares.items():
            if point < share:
                return fault
            point -= share
        return None

    return draw
