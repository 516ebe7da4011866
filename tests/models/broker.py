"""A follower's terminal and its broker: does what is delivered, or not, and knows what it really holds.

It never lies; but it may say nothing, late, twice, or in any order. It executes a delivery once, and asks the broker's
history before it opens anything.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal

from tests.db import plane
from tests.db.plane import Copier, Delivery, Report
from tests.models.reference import CUTTING, RAISING, Holding, lots

STEP = Decimal("0.01")


def decimal(e8: int) -> Decimal:
    return Decimal(e8).scaleb(-8).normalize()


@dataclass
class Terminal:
    """One hedging account; tickets count up from the given one."""

    copier: Copier
    ticket: int = 7000
    processed: int = 0
    holdings: dict[int, Holding] = field(default_factory=dict)
    fills: dict[int, tuple[int, int, Decimal]] = field(default_factory=dict)  # delivery: position, ticket, lots
    opened: Counter[int] = field(default_factory=Counter)
    outbox: list[Report] = field(default_factory=list)
    doubts: list[Report] = field(default_factory=list)  # what the broker will answer to what was reported UNKNOWN
    flying: dict[int, Delivery] = field(default_factory=dict)  # sent, and neither done nor refused so far
    by_hand: set[int] = field(default_factory=set)

    def execute(self, delivery: Delivery, outcome: str) -> None:
        assert delivery.delivery_seq == self.processed + 1
        self.processed += 1
        if delivery.action in RAISING:
            report = self._open(delivery, outcome)
        elif delivery.gap_fill:
            report = self._refusal(delivery, "REJECTED", "TRG01")
        elif delivery.position_id not in self.holdings:
            report = self._refusal(delivery, "REJECTED", "TRG03")
        elif delivery.action in CUTTING:
            report = self._cut(delivery, outcome)
        else:
            report = self._arrange(delivery, outcome)
        if delivery.delivery_seq in self.flying and not delivery.gap_fill:
            report = self._refusal(delivery, "UNKNOWN", "TRG06")
        elif outcome.startswith("unanswered") and not delivery.gap_fill and report.code != "TRG03":
            self.doubts.append(report)
            report = self._refusal(delivery, "UNKNOWN", "TRG06")
        self.outbox.append(report)

    def _open(self, delivery: Delivery, outcome: str) -> Report:
        if delivery.delivery_seq not in self.fills:
            if delivery.gap_fill:
                return self._refusal(delivery, "REJECTED", "TRG01")
            if outcome == "refused":
                return self._refusal(delivery, "REJECTED", "TRG02")
            if outcome in ("failed", "unanswered, not done"):
                return self._refusal(delivery, "FAILED", "TRG04")
            if outcome == "unanswered, on its way" or delivery.delivery_seq in self.flying:
                self.flying[delivery.delivery_seq] = delivery
                return self._refusal(delivery, "UNKNOWN", "TRG06")
            told = decimal(delivery.volume_e8)
            volume = {"partly": max(told // (2 * STEP) * STEP, STEP), "too much": told + STEP}.get(outcome, told)
            self._fill(delivery, volume)
            if outcome == "failed, but filled":
                return self._refusal(delivery, "FAILED", "TRG04")
        return self._filled(delivery)

    def _fill(self, delivery: Delivery, volume: Decimal) -> None:
        self.ticket += 1
        stops = decimal(delivery.stop_loss_e8), decimal(delivery.take_profit_e8)
        self.holdings[delivery.position_id] = Holding(self.ticket, delivery.side, volume, stops)
        self.fills[delivery.delivery_seq] = delivery.position_id, self.ticket, volume
        self.opened[delivery.position_id] += 1

    def land(self) -> None:
        """What was on its way is done; the terminal hears of it if it still knows that it waits."""
        for number, delivery in sorted(self.flying.items()):
            self._fill(delivery, decimal(delivery.volume_e8))
            if number <= self.processed:
                self.outbox.append(self._filled(delivery))
        self.flying.clear()

    def _filled(self, delivery: Delivery) -> Report:
        _, ticket, volume = self.fills[delivery.delivery_seq]
        return self.copier.report(delivery.delivery_seq, ticket=ticket, volume=str(volume))

    def _cut(self, delivery: Delivery, outcome: str) -> Report:
        held = self.holdings[delivery.position_id]
        excess = held.volume - decimal(delivery.volume_e8)
        if outcome in ("failed", "failed, but filled", "refused", "unanswered, not done"):
            return self._refusal(delivery, "FAILED", "TRG04")
        if excess <= 0:
            return self.copier.report(delivery.delivery_seq, ticket=held.ticket, volume=0, price=0)
        if outcome == "partly" and delivery.action != "CANCEL":
            excess = max(excess // (2 * STEP) * STEP, STEP)
        if excess == held.volume:
            del self.holdings[delivery.position_id]
        else:
            self.holdings[delivery.position_id] = replace(held, volume=held.volume - excess)
        return self.copier.report(delivery.delivery_seq, ticket=held.ticket, volume=str(excess))

    def _arrange(self, delivery: Delivery, outcome: str) -> Report:
        held = self.holdings[delivery.position_id]
        if outcome in ("failed", "failed, but filled", "refused", "unanswered, not done"):
            return self._refusal(delivery, "FAILED", "TRG04")
        stops = decimal(delivery.stop_loss_e8), decimal(delivery.take_profit_e8)
        self.holdings[delivery.position_id] = replace(held, stops=stops)
        return self.copier.report(delivery.delivery_seq, ticket=held.ticket, volume=0, price=0)

    def _refusal(self, delivery: Delivery, status: str, code: str) -> Report:
        return self.copier.report(delivery.delivery_seq, status, code=code, executed_us=0)

    def lose_state(self, *, wholly: bool) -> None:
        """Only the broker's history is left: done is what comes before the newest order in it, or (wholly) nothing."""
        self.processed = 0 if wholly else max(self.fills, default=0)
        self.outbox, self.doubts = [], []

    def close_by_hand(self, position: int) -> None:
        del self.holdings[position]
        self.by_hand.add(position)

    def book(self) -> Iterator[plane.Holding]:
        """As the plane is told: of some the terminal knows the master's position, of others only its own order."""
        for number, (position, ticket, _) in self.fills.items():
            held = self.holdings.get(position)
            if held is not None and held.ticket == ticket:
                listed = plane.Holding(ticket, side=held.side, volume=str(held.volume))
                known = listed.but(position=position) if number % 2 else listed.but(delivery=number)
                yield known.but(stop_loss=str(held.stops[0]), take_profit=str(held.stops[1]))

    def ever_filled(self, position: int) -> Decimal:
        return sum((volume for its, _, volume in self.fills.values() if its == position), lots(0))
