"""What a terminal has been through, counted for the screen and the summary."""

import time
from collections import Counter

from gateway import ecp_pb2 as pb
from ops.demo import guard


class Tally:
    """Reports by status, refusals by code, times, and an example of each outcome of an opening."""

    def __init__(self) -> None:
        self.reported: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.verdicts: Counter[str] = Counter()
        self.resent = self.gap_fills = self.holes = self.resumed = self.idle_signals = self.recovered = 0
        self.copy_ms: list[float] = []
        self.first_copy_at: float | None = None
        self.delivered: set[int] = set()
        self.examples: dict[str, tuple[int, int]] = {}
        self._noted: set[tuple[int, int]] = set()

    def note(self, delivery: pb.Delivery, report: pb.Report, *, took_us: int | None) -> None:
        """A delivery was processed; `took_us` since its signal, if that says something. Who has lost his state may be
        told again of what he had refused: it counts once, as the plane keeps his first word."""
        if (number := (delivery.subscription_id, delivery.delivery_seq)) in self._noted:
            return
        self._noted.add(number)
        self.resent += delivery.possible_duplicate
        self.gap_fills += delivery.gap_fill and delivery.possible_duplicate
        self.reported[pb.Status.Name(report.status)] += 1
        if report.code == guard.NO_POSITION:
            self.idle_signals += 1
        elif report.code:
            self.refused[report.code] += 1
        else:
            self.first_copy_at = self.first_copy_at or time.monotonic()
            if took_us is not None:
                self.copy_ms.append(took_us / 1000)
        if delivery.action == pb.OPEN or delivery.gap_fill:
            self.delivered.add(delivery.seq)
            self.examples.setdefault(report.code or "EXECUTED", (delivery.epoch, delivery.seq))
