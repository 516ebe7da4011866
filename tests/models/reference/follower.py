"""The followers: what should be decided for them, and what their reports and books should come to."""

from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal
from math import inf

from tests.db.plane import Report, Signal
from tests.models.reference.copies import Copy, Delivered, Holding, Settings
from tests.models.reference.master import RAISING, Book, Entry, Position, Stops, Stream, lots, opening, stops

CUTTING = {"CLOSE", "PARTIAL_CLOSE", "CANCEL"}
DAY_US = 86_400_000_000

TRANSITIONS = {
    ("SYNCED", "user_pause"): "PAUSED_BY_USER",
    ("DEGRADED_GAP", "user_pause"): "PAUSED_BY_USER",
    ("PAUSED_BY_USER", "user_resume"): "SYNCED",
    **{(state, "end"): "ENDED" for state in ("SYNCED", "DEGRADED_GAP", "PAUSED_BY_USER", "PAUSED_TOXIC")},
}
POINTS = {"TRG01": -5, "TRG02": -3}


@dataclass
class Follower:
    """One subscription."""

    session: object
    settings: Settings
    now_us: int
    is_specified: bool = False
    book_us: int | None = None
    state: str = "SYNCED"
    trust: int = 100
    before_pause: str = "SYNCED"
    ended_us: int | None = None
    cursor: tuple[int, int] = (1, 0)
    checked_us: int | None = None
    day: int | None = None
    day_openings: int = 0
    reasons: dict[tuple[int, int], str] = field(default_factory=dict)
    deliveries: list[Delivered] = field(default_factory=list)
    declined: list[tuple[tuple[int, int], int]] = field(default_factory=list)
    copies: dict[int, Copy] = field(default_factory=dict)
    reports: dict[int, Report] = field(default_factory=dict)
    doubted_us: dict[int, int] = field(default_factory=dict)
    settled: dict[int, str] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    _settled: set[int] = field(default_factory=set)
    _remains: dict[int, Decimal] = field(default_factory=dict)  # where there was nothing to trade

    # On signals

    def decide(self, place: tuple[int, int], entry: Entry, now_us: int, *, halted: bool) -> None:
        signal = entry.signal
        assert signal.position is not None
        copy = self.copies.get(signal.position)
        over = self.ended_us is not None and entry.received_us >= self.ended_us
        self.cursor = place
        if signal.action in RAISING:
            if not over:
                self.reasons[place] = self._open(place, signal, now_us, halted=halted)
        elif signal.action == "SNAPSHOT":
            if not over:
                self.reasons[place] = "SNAPSHOT_RECORDED"
        elif copy is not None and copy.is_live:
            self.reasons[place] = "COPIED"
            self._manage(place, signal, copy)
        elif not over:
            self.reasons[place] = "NOT_COPIED"

    def _open(self, place: tuple[int, int], signal: Signal, now_us: int, *, halted: bool) -> str:
        assert signal.position is not None
        assert signal.sent_us is not None
        assert signal.action is not None
        position, settings = opening(signal), self.settings
        copy = self.copies.get(signal.position)
        known = copy is not None and copy.status not in ("MISSED", "SKIPPED")
        volume = settings.sized(position.volume)
        gates = [
            (halted, "HALTED"),
            (self.state != "SYNCED", self.state),
            (known, "ALREADY_COPIED"),
            (signal.sent_us < now_us - settings.ttl_us, "TTL_EXPIRED"),
            (volume < settings.least, "BELOW_MINIMUM"),
            (self.openings_left(now_us) < 1, "TRADES_PER_DAY"),
        ]
        reason = next((reason for refuses, reason in gates if refuses), None)
        if reason is None:
            expires_us = signal.sent_us + settings.ttl_us
            self._deliver_opening(place, signal.position, position, volume, expires_us, now_us, "COPIED")
        elif not known and reason != "ENDED":
            status = "SKIPPED" if reason in ("BELOW_MINIMUM", "TRADES_PER_DAY") else "MISSED"
            self._pass_over(signal.position, position, status)
        return reason or "COPIED"

    def openings_left(self, now_us: int) -> float:
        if self.settings.trades_per_day is None:
            return inf
        return self.settings.trades_per_day - (self.day_openings if self.day == now_us // DAY_US else 0)

    def _pass_over(self, number: int, position: Position, status: str) -> None:
        before = self.copies.get(number, Copy(status, "", position.volume))
        self.copies[number] = replace(
            before, status=status, side=self.settings.turned(position.side), master=position.volume,
            changed_us=self.now_us,
        )  # fmt: skip

    def _deliver_opening(
        self, place: tuple[int, int], number: int, position: Position, volume: Decimal, expires_us: int, now_us: int,
        reason: str,
    ) -> None:  # fmt: skip
        before, settings = self.copies.get(number), self.settings
        copy = Copy(
            "DELIVERED", settings.turned(position.side), position.volume, volume, volume, is_reversed=settings.reverse,
            held=before.held if before else Decimal(0), pending=before.pending + 1 if before else 1,
            ticket=before.ticket if before else None,
        )  # fmt: skip
        arranged = copy.arranged(position.stops)
        self.copies[number] = replace(copy, stops=arranged)
        action = "OPEN" if position.order_type == "MARKET" else "PLACE"
        opened = Delivered(place, action, number, copy.side, volume, expires_us, arranged, reason)
        self.deliveries.append(replace(opened, decided_us=now_us))
        self.day_openings = self.day_openings + 1 if self.day == now_us // DAY_US else 1
        self.day = now_us // DAY_US

    def _manage(self, place: tuple[int, int], signal: Signal, copy: Copy) -> None:
        assert signal.position is not None
        assert signal.action is not None
        if signal.action not in CUTTING:
            arranged = copy.arranged(stops(signal))
            self._deliver_stops(place, signal.action, signal.position, copy, arranged, "COPIED")
            return
        volume = Decimal(0)
        if signal.action == "PARTIAL_CLOSE":
            volume = self.settings.remainder(copy, lots(signal.volume))
        below = signal.action == "PARTIAL_CLOSE" and volume < self.settings.least
        action = "CLOSE" if below else signal.action
        self._deliver_cut(place, action, signal.position, copy, Decimal(0) if below else volume, "COPIED")

    def _deliver_stops(
        self, place: tuple[int, int], action: str, number: int, copy: Copy, arranged: Stops, reason: str
    ) -> None:
        self.copies[number] = replace(copy, stops=arranged, pending=copy.pending + 1)
        self.deliveries.append(Delivered(place, action, number, copy.side, stops=arranged, reason=reason))

    def _deliver_cut(
        self, place: tuple[int, int], action: str, number: int, copy: Copy, volume: Decimal, reason: str
    ) -> None:
        status = "CLOSING" if volume == 0 else copy.status
        target = min(copy.target, volume)
        self.copies[number] = replace(copy, status=status, target=target, pending=copy.pending + 1)
        self.deliveries.append(Delivered(place, action, number, copy.side, volume, reason=reason))

    # By difference

    def catch_up(self, book: Book, now_us: int, *, may_open: bool) -> int:
        """Closes, volumes, openings, stops; how many deliveries that makes."""
        before, self.checked_us = len(self.deliveries), now_us
        wanted = {number: self._wanted(number, book) for number, copy in self.copies.items() if copy.is_live}
        excess = [
            (volume > 0, number, volume)
            for number, volume in wanted.items()
            if volume < (copy := self.copies[number]).target
            # A close that was answered and did not close is told again, until somebody says that nothing is held.
            or (copy.pending == 0 and (copy.held > volume or copy.status == "CLOSING"))
        ]
        unarranged = [
            number
            for number, volume in sorted(wanted.items())
            if volume > 0 and (copy := self.copies[number]).pending == 0 and copy.status == "OPEN" and copy.held > 0
            and copy.stops != copy.arranged(book[number].stops)
        ]  # fmt: skip
        for partly, number, volume in sorted(excess):
            action = "PARTIAL_CLOSE" if partly else "CLOSE"
            self._deliver_cut(self.cursor, action, number, self.copies[number], volume, "CAUGHT_UP")
        if self.state == "SYNCED" and self.session is not None and may_open and self.settings.late_join != "NONE":
            self._join(book, now_us)
        for number in unarranged:
            copy, position = self.copies[number], book[number]
            action = "MODIFY" if position.order_type == "MARKET" else "AMEND"
            self._deliver_stops(self.cursor, action, number, copy, copy.arranged(position.stops), "CAUGHT_UP")
        return len(self.deliveries) - before

    def _wanted(self, number: int, book: Book) -> Decimal:
        copy, position = self.copies[number], book.get(number)
        # Of the other side it is another position, and never was copied.
        if position is None or (position.side == copy.side) == copy.is_reversed:
            return Decimal(0)
        # No more than its share was told to remain, whatever step and minimum were then and are now.
        if copy.target * copy.master <= copy.opened * position.volume:
            return copy.target
        volume = self.settings.remainder(copy, position.volume)
        return Decimal(0) if volume < self.settings.least else volume

    def _join(self, book: Book, now_us: int) -> None:
        """What was missed, by the settings, oldest first; what they leave out is never asked about again."""
        for number, position in sorted(book.items(), key=lambda item: (item[1].opened_us, item[0])):
            if not self._may_join(self.copies.get(number)):
                continue
            volume = self.settings.sized(position.volume)
            if volume < self.settings.least:
                self._pass_over(number, position, "SKIPPED")
                self.declined.append((self.cursor, number))
            elif self.openings_left(now_us) >= 1:
                expires_us = now_us + self.settings.ttl_us
                self._deliver_opening(self.cursor, number, position, volume, expires_us, now_us, "CAUGHT_UP")

    def _may_join(self, copy: Copy | None) -> bool:
        """What was delivered, and said to be too late, may have been done before the terminal forgot."""
        if copy is None or copy.status != "MISSED" or copy.opened == 0:
            return copy is None or copy.status == "MISSED"
        return self.book_us is not None and self.book_us >= copy.changed_us

    def is_due(self, now_us: int) -> bool:
        """Whether the schedule compares the books now."""
        over = self.ended_us is not None and not any(copy.is_live for copy in self.copies.values())
        return not over and self.is_unchecked(now_us)

    def is_unchecked(self, now_us: int) -> bool:
        return self.checked_us is None or self.checked_us <= now_us - 60_000_000

    # On what the follower says

    def outcome(self, number: int) -> str | None:
        """What is known to have become of a delivery."""
        report = self.reports.get(number)
        return self.settled.get(number) or (report.status if report else None)

    def report(self, report: Report) -> tuple[str, str | None]:
        verdict, code = self._judge(report)
        if code:
            self.events[code] += 1
        if verdict == "RECORDED":
            self._take(report)
        return verdict, code

    def _take(self, report: Report) -> None:
        self.reports[report.delivery] = report
        if report.status == "UNKNOWN":
            self.doubted_us[report.delivery] = self.now_us
        if report.status != "EXECUTED":
            assert report.code
            self.events[report.code] += 1
        if report.status == "UNKNOWN":
            return
        points = 1 if report.status == "EXECUTED" else 0
        if report.status == "REJECTED":
            points = POINTS.get(report.code or "", 0)
        self.trust = min(max(self.trust + points, 0), 100)
        delivered = self.deliveries[report.delivery - 1]
        copy = self.copies[delivered.position]
        copy = replace(copy, pending=copy.pending - 1, changed_us=self.now_us)
        if delivered.action in RAISING:
            copy = self._opened(copy, delivered, report)
        elif delivered.action in CUTTING:
            copy = self._cut(copy, delivered, report)
        elif report.status != "EXECUTED":
            copy = replace(copy, stops=(None, None))
        self.copies[delivered.position] = copy
        self._settled.add(delivered.position)

    def reports_end(self) -> None:
        """The end of a batch: whoever holds more than it should, and waits for nothing, is looked at first."""
        for position, remains in self._remains.items():
            copy = self.copies[position]
            self.copies[position] = replace(copy, held=min(copy.held, remains))
        self._remains.clear()
        for copy in (self.copies[position] for position in self._settled):
            if copy.pending == 0 and (copy.held > copy.target or copy.status == "CLOSING"):
                self.checked_us = None
        self._settled.clear()
        self.trust_settles()

    def trust_settles(self) -> None:
        """Under 50 it is paused; what its user had paused before that is so again afterwards."""
        if self.trust < 50 and self.state not in ("PAUSED_TOXIC", "ENDED"):
            self.before_pause, self.state = self.state, "PAUSED_TOXIC"
        elif self.trust >= 50 and self.state == "PAUSED_TOXIC":
            self.state = "PAUSED_BY_USER" if self.before_pause == "PAUSED_BY_USER" else "SYNCED"

    def _opened(self, copy: Copy, delivered: Delivered, report: Report) -> Copy:
        if report.status == "REJECTED":
            # A guard that refuses sent nothing.
            return replace(copy, status="MISSED" if report.code == "TRG01" else "REFUSED", target=Decimal(0))
        if report.status != "EXECUTED":
            return copy
        filled = lots(report.volume)
        if filled > delivered.volume:
            self.events["TRR05"] += 1
        status = "OPEN" if copy.status == "DELIVERED" else copy.status
        return self._recounted(replace(copy, status=status, ticket=report.ticket, held=copy.held + filled))

    def _cut(self, copy: Copy, delivered: Delivered, report: Report) -> Copy:
        done = report.status == "EXECUTED"
        if report.code == "TRG03":
            copy = replace(copy, held=Decimal(0))
        elif done and delivered.action == "PARTIAL_CLOSE" and not report.volume:
            remains = self._remains.get(delivered.position, delivered.volume)
            self._remains[delivered.position] = min(remains, delivered.volume)
        elif not done:
            return copy
        else:
            held = Decimal(0) if delivered.action == "CANCEL" else copy.held - lots(report.volume)
            copy = replace(copy, held=held)
        if delivered.action != "PARTIAL_CLOSE" and copy.held <= 0 and copy.status not in ("REFUSED", "MISSED"):
            copy = replace(copy, status="CLOSED")
        return copy

    @staticmethod
    def _recounted(copy: Copy) -> Copy:
        """Told to hold nothing and holding something after all: still closing, whatever was reported first."""
        return replace(copy, status="CLOSING") if copy.status == "CLOSED" and copy.held > 0 else copy

    def _judge(self, report: Report) -> tuple[str, str | None]:
        if self.session is None or report.session != self.session:
            return "REPORT_NOT_ALLOWED", "TRA06"
        if not 1 <= report.delivery <= len(self.deliveries):
            return "REPORT_UNKNOWN", "TRR01"
        if report.status == "EXECUTED" and not report.ticket:
            return "REPORT_MALFORMED", "TRR03"
        return self._compare(report, self.deliveries[report.delivery - 1], self.reports.get(report.delivery))

    def _compare(self, report: Report, delivered: Delivered, first: Report | None) -> tuple[str, str | None]:
        """With what is known of the delivery already."""
        if report.status == "UNKNOWN":
            return ("REPORT_DUPLICATE" if first or report.delivery in self.settled else "RECORDED"), None
        if report.delivery in self.settled:
            return "REPORT_CONFLICT", "TRR02"
        if first is not None and first.status == "UNKNOWN" and report.code == "TRG01":
            # Too late to be tried now says nothing of what was tried before.
            return "REPORT_DUPLICATE", None
        if first is not None and first.status != "UNKNOWN":
            same = first == report.but(session=first.session)
            return ("REPORT_DUPLICATE", None) if same else ("REPORT_CONFLICT", "TRR02")
        if report.status == "EXECUTED" and delivered.action in RAISING and any(
            copy.ticket == report.ticket and number != delivered.position for number, copy in self.copies.items()
        ):  # fmt: skip
            return "REPORT_CONFLICT", "TRR04"
        return "RECORDED", None

    def resume(self, session: object, current: object, last: int) -> tuple[str | None, str | None]:
        """code, and the state that is told; what is missing is delivered after it."""
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

    def reconcile(self, holdings: dict[int, Holding], last: int, book: Book) -> tuple[int, int]:
        """The broker's book as of these deliveries: how many outcomes it settles, how much is not as it should be."""
        unsettled = [
            number
            for number in range(1, last + 1)
            if self.outcome(number) in (None, "UNKNOWN") and not self._is_on_its_way(number, holdings)
        ]
        openings = {self.deliveries[n - 1].position for n in unsettled if self.deliveries[n - 1].action in RAISING}
        for number in unsettled:
            self._settle(number, holdings)
        differences, self.book_us = 0, self.now_us
        for position, before in list(self.copies.items()):
            settles = sum(self.deliveries[number - 1].position == position for number in unsettled)
            pending, holding = before.pending - settles, holdings.get(position)
            is_touched = before.is_live or holding is not None or settles
            copy = replace(before, changed_us=self.now_us) if is_touched else before
            if not copy.is_live and holding is None:
                held = Decimal(0) if settles else copy.held
                self.copies[position] = replace(copy, pending=pending, held=held)
                continue
            holds = holding.volume if holding else Decimal(0)
            differences += settles == 0 and holds != max(copy.held, Decimal(0))
            self.copies[position] = self._follow(
                copy, holding, pending, was_opening=position in openings, wanted=position in book
            )
        return len(unsettled), differences

    def _is_on_its_way(self, number: int, holdings: dict[int, Holding]) -> bool:
        """An order that the book does not show may still be filled, for a while."""
        delivered = self.deliveries[number - 1]
        since_us = self.doubted_us.get(number, delivered.decided_us)
        shown = delivered.position in holdings
        return delivered.action in RAISING and not shown and since_us > self.now_us - 30_000_000

    def _settle(self, number: int, holdings: dict[int, Holding]) -> None:
        delivered = self.deliveries[number - 1]
        holding = holdings.get(delivered.position)
        holds = holding.volume if holding else Decimal(0)
        if delivered.action in RAISING:
            done = holds > 0
        elif delivered.action in CUTTING:
            done = holds <= delivered.volume
        else:
            done = holding is not None and holding.stops == delivered.stops
        self.settled[number] = "EXECUTED" if done else "FAILED"
        if not done:
            self.events["TRR06"] += 1

    @staticmethod
    def _follow(copy: Copy, holding: Holding | None, pending: int, *, was_opening: bool, wanted: bool) -> Copy:
        """The copy as the broker has it; pending are deliveries that the broker's book is too old for."""
        if holding is None:
            gone = replace(copy, held=Decimal(0), pending=pending, stops=(None, None))
            if copy.status == "DELIVERED" and was_opening:
                # Whatever is still on its way about it will find nothing.
                return replace(gone, status="MISSED", target=Decimal(0))
            if pending > 0:
                return gone
            return replace(gone, status="REFUSED" if copy.status == "DELIVERED" else "CLOSED", target=Decimal(0))
        found = replace(copy, held=holding.volume, pending=pending, ticket=holding.ticket, stops=holding.stops)
        if copy.is_live:
            return replace(found, status="OPEN" if copy.status == "DELIVERED" else copy.status)
        opened = max(copy.opened, holding.volume)
        found = replace(found, opened=opened)
        if wanted and copy.status != "CLOSED":
            return replace(found, status="OPEN", target=opened)
        return replace(found, status="CLOSING", target=Decimal(0))


@dataclass
class Lane:
    """Followers whose deliveries are decided together, and the master's book as far as they have come."""

    followers: list[Follower]
    book: Book = field(default_factory=Book)
    cursor: tuple[int, int] = (1, 0)
    differences: list[tuple[str, int]] = field(default_factory=list)

    def advance(self, stream: Stream, limit: int) -> None:
        differing = False
        for place in [place for place in stream.accepted if place > self.cursor][:limit]:
            entry = stream.log[place]
            found = self.book.follow(entry.signal)
            self.differences += found
            differing = differing or bool(found)
            for follower in self.followers:
                follower.decide(place, entry, stream.now_us, halted=stream.halted)
            self.cursor = place
        for follower in self.followers if differing else []:
            # The schedule looks at it at once, behind those who have waited longer.
            due_us = stream.now_us - 61_000_000
            follower.checked_us = due_us if follower.checked_us is None else min(follower.checked_us, due_us)

    def catch_up(self, follower: Follower, stream: Stream, *, resumes: bool = False) -> int:
        """On resuming a terminal is about to say what its broker trades; if it never did, nothing is opened before."""
        may_open = not stream.halted and (follower.is_specified or not resumes)
        return follower.catch_up(self.book, stream.now_us, may_open=may_open)
