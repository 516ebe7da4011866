"""What the machine gives, told beside every figure: the two cores of a rented machine may do the work of one."""

import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from statistics import median

ROUNDS = 9
STEPS = 1_000_000


@dataclass(frozen=True)
class Machine:
    """Plain loops of a million steps a second, as the machine is at this moment; a shared one changes by the minute."""

    cores: int
    alone: float
    """What one core did at its best, the others idle."""
    together: float
    """What all cores did at once. With cores of their own it is near `alone` times `cores`."""

    def line(self) -> str:
        return (
            f"this machine, now: {self.cores} cores do the work of {self.together / self.alone:.2f} "
            f"({self.together:g} loops of a million steps a second together, {self.alone:g} alone)"
        )


def measure() -> Machine:
    """One process, then one on each core, in turns."""
    cores = os.cpu_count() or 1
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        list(pool.map(_loop, range(cores)))
        rounds = [(_slowest(pool, 1), _slowest(pool, cores)) for _ in range(ROUNDS)]
    return Machine(
        cores=cores,
        alone=round(1 / min(alone for alone, _ in rounds), 1),
        together=round(cores / median(together for _, together in rounds), 1),
    )


def _slowest(pool: ProcessPoolExecutor, count: int) -> float:
    return max(pool.map(_loop, range(count)))


def _loop(_: int) -> float:
    began = time.perf_counter()
    total = 0
    for step in range(STEPS):
        total += step
    return time.perf_counter() - began
