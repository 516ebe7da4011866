"""The master: what its stream should accept, and what it then holds."""

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal
from math import floor
from typing import Any

from tests.db.plane import KEY, Signal, sign

RAISING = {"OPEN", "PLACE"}
POINTS = {"REPLAY": -50, "GAP": -20, "BAD_SIGNATURE": -40, "STALE": -5}

Stops = tuple[Decimal, Decimal]


@dataclass(frozen=True)
class Entry:
    """A signal that took its place in the stream."""

    signal: Signal
    verdict: str
    code: str | None
    received_us: int


@dataclass
class Stream:
    """The provider's side."""

    session: object
    now_us: int
    ttl_us: int
    rate: int
    burst: int
    skew_us: int = 1_000_000
    epoch: int = 1
    last: int = 0
    halted: bool = False
    gap: int | None = None
    trust: int = 100
    tokens: float = field(init=False)
    refilled_us: int = field(init=False)
    log: dict[tuple[int, int], Entry] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.tokens, self.refilled_us = float(self.burst), self.now_us

    @property
    def accepted(self) -> list[tuple[int, int]]:
        return [place for place, entry in sorted(self.log.items()) if entry.verdict == "ACCEPTED"]

    def ingest(self, signal: Signal) -> tuple[str, str, str | None, int | None, int | None]:
        """verdict, original, code, and where the stream stands (told to its publisher only): next seq, epoch."""
        verdict, code = self._rule(signal)
        original = verdict
        if verdict == "SEEN":
            first = self.log.get((self.epoch, signal.seq or 0))
            if first and first.signal.payload == signal.payload:
                verdict, original, code = "DUPLICATE", first.verdict, first.code
            else:
                verdict, original, code = "REPLAY", "REPLAY", "TRS01"
        if verdict == "GAP":
            if self.gap != self.last + 1:
                self.events["TRS02"] += 1
                self._lose(POINTS["GAP"])
            self.gap = self.last + 1
        elif verdict not in ("ACCEPTED", "DUPLICATE"):
            assert code
            self.events[code] += 1
            self._lose(POINTS.get(verdict, 0))
        if code == "TRA06":
            return verdict, original, code, None, None
        return verdict, original, code, self.last + 1, self.epoch

    def resync(self, session: object, epoch: int, *, forged: bool) -> str | None:
        code = None
        if session != self.session:
            code = "TRA06"
        elif forged:
            code = "TRS03"
        elif epoch < self.epoch or (epoch == self.epoch and (self.last > 0 or epoch == 1)):
            code = "TRS19"
        if code:
            self.events[code] += 1
            self._lose(POINTS["BAD_SIGNATURE"] if code == "TRS03" else 0)
        else:
            self.epoch, self.last, self.gap = epoch, 0, None
        return code

    def _lose(self, points: int) -> None:
        self.trust = max(self.trust + points, 0)

    def _rule(self, signal: Signal) -> tuple[str, str | None]:
        assert signal.epoch is not None
        assert signal.seq is not None
        if self.session is None or signal.session != self.session:
            return "NOT_ALLOWED", "TRA06"
        if sign(KEY, signal.payload) != signal.tag:
            return "BAD_SIGNATURE", "TRS03"
        self._refill()
        if signal.epoch < self.epoch:
            return "REPLAY", "TRS01"
        if signal.epoch > self.epoch or signal.seq > self.last + 1:
            return "GAP", "TRS02"
        if signal.seq <= self.last:
            return "SEEN", None
        verdict, code = self._gate(signal)
        self.last += 1
        self.log[self.epoch, self.last] = Entry(signal, verdict, code, self.now_us)
        return verdict, code

    def _refill(self) -> None:
        elapsed = max(self.now_us - self.refilled_us, 0) / 1e6
        self.tokens = min(float(self.burst), self.tokens + self.rate * elapsed)
        self.refilled_us = self.now_us

    def _gate(self, signal: Signal) -> tuple[str, str | None]:
        assert signal.sent_us is not None
        if signal.action not in RAISING:
            return "ACCEPTED", None
        gates = [
            (signal.volume == 0, "MALFORMED", "TRS12"),
            (Decimal(str(signal.volume)) % Decimal("0.01") != 0, "MALFORMED", "TRS13"),
            (self.halted, "HALTED", "TRS39"),
            (self.trust < 50, "NOT_ALLOWED", "TRS38"),
            (signal.sent_us < self.now_us - self.ttl_us, "STALE", "TRS04"),
            (signal.sent_us > self.now_us + self.skew_us, "FUTURE", "TRS05"),
            (floor(self.tokens) < 1, "RATE_LIMITED", "TRS06"),
        ]
        for refuses, verdict, code in gates:
            if refuses:
                return verdict, code
        self.tokens -= 1
        return "ACCEPTED", None


@dataclass(frozen=True)
class Position:
    """What the master holds, or has waiting as an order."""

    side: str
    order_type: str
    volume: Decimal
    price: Decimal
    stops: Stops
    opened_us: int


class Book(dict[int, Position]):
    """What the master holds, by position, as of some signal."""

    def follow(self, signal: Signal) -> list[tuple[str, int]]:
        """Move on by a signal; what a snapshot found to be otherwise."""
        assert signal.position is not None
        if signal.action == "SNAPSHOT":
            return self._replace(signal)
        held = self.get(signal.position)
        match signal.action:
            case "OPEN" | "PLACE":
                if held is None or (signal.action == "OPEN" and held.order_type != "MARKET"):
                    self[signal.position] = opening(signal)
            case "PARTIAL_CLOSE" if held and lots(signal.volume) > 0:
                self[signal.position] = replace(held, volume=min(held.volume, lots(signal.volume)))
            case "MODIFY" if held:
                self[signal.position] = replace(held, stops=stops(signal))
            case "AMEND" if held:
                self[signal.position] = replace(held, stops=stops(signal), price=lots(signal.price))
            case _:
                self.pop(signal.position, None)
        return []

    def _replace(self, signal: Signal) -> list[tuple[str, int]]:
        assert signal.sent_us is not None
        told = {each["position_id"]: snapped(each, signal.sent_us) for each in json.loads(signal.book or "[]")}
        differences = [
            (kind, position)
            for position in sorted(self.keys() | told.keys())
            if (kind := self._difference(self.get(position), told.get(position)))
        ]
        for position, each in told.items():
            known = self.get(position)
            told[position] = replace(each, opened_us=known.opened_us) if known else each
        self.clear()
        self.update(told)
        return differences

    @staticmethod
    def _difference(known: Position | None, told: Position | None) -> str | None:
        if known is None or told is None:
            return "MISSING" if known else "UNEXPECTED"
        if known.side != told.side:
            return "SIDE"
        if known.volume != told.volume or (known.order_type == "MARKET") != (told.order_type == "MARKET"):
            return "VOLUME"
        return "STOPS" if known.stops != told.stops else None


def lots(value: str | int | None) -> Decimal:
    return Decimal(str(value or 0))


def stops(signal: Signal) -> Stops:
    return lots(signal.stop_loss), lots(signal.take_profit)


def opening(signal: Signal) -> Position:
    assert signal.side
    assert signal.order_type
    assert signal.sent_us is not None
    return Position(
        signal.side, signal.order_type, lots(signal.volume), lots(signal.price), stops(signal), signal.sent_us
    )


def snapped(told: dict[str, Any], sent_us: int) -> Position:
    volume, price, stop_loss, take_profit = (
        Decimal(told[f"{key}_e8"]).scaleb(-8) for key in ("volume", "price", "stop_loss", "take_profit")
    )
    return Position(
        told["side"], told["order_type"], volume, price, (stop_loss, take_profit), told["opened_at_us"] or sent_us
    )
