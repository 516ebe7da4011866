"""What the plane should do, in plain Python: a stream, its followers, the clock. Written from the domain, not the SQL.

Times are microseconds since 1970; volumes and prices are Decimal.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal
from math import floor

from tests.db.plane import KEY, Report, Signal, sign

RAISING = {"OPEN", "PLACE"}
CUTTING = {"CLOSE", "PARTIAL_CLOSE", "CANCEL"}
LIVE = {"DELIVERED", "OPEN", "CLOSING"}

TRANSITIONS = {
    ("SYNCED", "user_pause"): "PAUSED_BY_USER",
    ("DEGRADED_GAP", "user_pause"): "PAUSED_BY_USER",
    ("PAUSED_BY_USER", "user_resume"): "SYNCED",
    **{(state, "end"): "ENDED" for state in ("SYNCED", "DEGRADED_GAP", "PAUSED_BY_USER")},
}


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
    tokens: float = field(init=False)
    refilled_us: int = field(init=False)
    log: dict[tuple[int, int], Entry] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.tokens, self.refilled_us = float(self.burst), self.now_us

    @property
    def accepted(self) -> list[tuple[int, int]]:
        return [place for place, entry in sorted(self.log.items()) if entry.verdict == "ACCEPTED"]

    def ingest(self, signal: Signal) -> tuple[str, str, str | None, int, int]:
        """verdict, original, code, next seq, epoch."""
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
            self.gap = self.last + 1
        elif verdict not in ("ACCEPTED", "DUPLICATE"):
            assert code
            self.events[code] += 1
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
        else:
            self.epoch, self.last, self.gap = epoch, 0, None
        return code

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
            (self.halted, "HALTED", "TRS08"),
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
class Copy:
    """The follower's side of a position of the master."""

    master: Decimal
    opened: Decimal
    target: Decimal
    status: str = "DELIVERED"
    ticket: int | None = None


@dataclass(frozen=True)
class Delivered:
    """What the follower is to do."""

    place: tuple[int, int]
    action: str
    position: int
    volume: Decimal
    expires_us: int


@dataclass
class Follower:
    """One subscription."""

    session: object
    multiplier: Decimal
    least: Decimal
    most: Decimal
    ttl_us: int
    step: Decimal = Decimal("0.01")
    state: str = "SYNCED"
    ended_us: int | None = None
    cursor: tuple[int, int] = (1, 0)
    reasons: dict[tuple[int, int], str] = field(default_factory=dict)
    deliveries: list[Delivered] = field(default_factory=list)
    copies: dict[int, Copy] = field(default_factory=dict)
    reports: dict[int, Report] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)

    def decide(self, place: tuple[int, int], entry: Entry, now_us: int) -> None:
        signal = entry.signal
        assert signal.position is not None
        copy = self.copies.get(signal.position)
        live = copy is not None and copy.status in LIVE
        over = self.ended_us is not None and entry.received_us >= self.ended_us
        if signal.action in RAISING:
            if not over:
                self.reasons[place] = self._open(place, signal, now_us)
        elif signal.action == "SNAPSHOT":
            if not over:
                self.reasons[place] = "SNAPSHOT_RECORDED"
        elif copy is not None and live:
            self.reasons[place] = "COPIED"
            self._manage(place, signal, copy)
        elif not over:
            self.reasons[place] = "NOT_COPIED"

    def _open(self, place: tuple[int, int], signal: Signal, now_us: int) -> str:
        assert signal.position is not None
        assert signal.sent_us is not None
        assert signal.action is not None
        if self.state != "SYNCED":
            return self.state
        if signal.position in self.copies:
            return "ALREADY_COPIED"
        if signal.sent_us < now_us - self.ttl_us:
            return "TTL_EXPIRED"
        master = Decimal(str(signal.volume))
        volume = min(master * self.multiplier // self.step * self.step, self.most)
        if volume < self.least:
            return "BELOW_MINIMUM"
        self.copies[signal.position] = Copy(master, volume, volume)
        self.deliveries.append(Delivered(place, signal.action, signal.position, volume, signal.sent_us + self.ttl_us))
        return "COPIED"

    def _manage(self, place: tuple[int, int], signal: Signal, copy: Copy) -> None:
        assert signal.position is not None
        assert signal.action is not None
        action, volume = signal.action, Decimal(0)
        if action == "PARTIAL_CLOSE":
            share = copy.opened * min(Decimal(str(signal.volume)), copy.master)
            volume = share // (copy.master * self.step) * self.step
            if volume < self.least:
                action, volume = "CLOSE", Decimal(0)
        if action in CUTTING:
            status = "CLOSING" if volume == 0 else copy.status
            self.copies[signal.position] = replace(copy, target=min(copy.target, volume), status=status)
        self.deliveries.append(Delivered(place, action, signal.position, volume, 0))

    def report(self, report: Report) -> tuple[str, str | None]:
        verdict, code = self._judge(report)
        if code:
            self.events[code] += 1
        if verdict != "RECORDED":
            return verdict, code
        self.reports[report.delivery] = report
        if report.status != "EXECUTED":
            assert report.code
            self.events[report.code] += 1
        delivered = self.deliveries[report.delivery - 1]
        copy = self.copies[delivered.position]
        if delivered.action in RAISING:
            if report.status == "REJECTED":
                copy = replace(copy, status="REFUSED", target=Decimal(0))
            elif report.status == "EXECUTED":
                opened = "OPEN" if copy.status == "DELIVERED" else copy.status
                copy = replace(copy, ticket=report.ticket, status=opened)
        elif delivered.action in ("CLOSE", "CANCEL") and (report.status == "EXECUTED" or report.code == "TRG03"):
            copy = replace(copy, status="REFUSED" if copy.status == "REFUSED" else "CLOSED")
        self.copies[delivered.position] = copy
        return verdict, code

    def _judge(self, report: Report) -> tuple[str, str | None]:
        if self.session is None or report.session != self.session:
            return "REPORT_NOT_ALLOWED", "TRA06"
        if not 1 <= report.delivery <= len(self.deliveries):
            return "REPORT_UNKNOWN", "TRR01"
        if report.status == "EXECUTED" and not report.ticket:
            return "REPORT_MALFORMED", "TRR03"
        if (first := self.reports.get(report.delivery)) is None:
            return "RECORDED", None
        same = first == report.but(session=first.session)
        return ("REPORT_DUPLICATE", None) if same else ("REPORT_CONFLICT", "TRR02")

    def resume(self, session: object, current: object, last: int) -> tuple[str | None, str | None]:
        """code, and the state that is told."""
        if session != current:
            return "TRA06", None
        if last > len(self.deliveries):
            if self.state == "SYNCED":
                self.state = "DEGRADED_GAP"
            return "TRS18", self.state
        if self.state == "DEGRADED_GAP":
            self.state = "SYNCED"
        self.session = session
        return None, self.state
