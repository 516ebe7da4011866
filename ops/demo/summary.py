"""What came of a run: as one object for machines, and in words."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from ops import rows
from ops.bench.figures import percentile
from ops.demo import guard
from ops.demo.accounts import Accounts, Purse, Standing
from ops.demo.adversary import Attempt
from ops.demo.bars import E8
from ops.demo.cast import CURRENCY
from ops.demo.copier import Copier
from ops.demo.play import Play
from ops.rows import Rows
from ops.verify import Check


@dataclass(frozen=True, kw_only=True)
class Result:
    """What is left of a run, whoever played it."""

    accounts: Accounts
    checks: list[Check]
    server: dict[str, str | None]
    unlike: list[str]
    """Where a book is not what it must be, in words."""
    attempts: list[Attempt]
    first_copy_s: float
    took_s: float

    @property
    def faults(self) -> list[str]:
        """Why the run does not count as good, in words; none if it does."""
        return [
            *(f"invariant {check.name}: {check.detail}" for check in self.checks if not check.ok),
            *self.unlike,
            *(
                f"the adversary {attempt.what}: expected {attempt.expected}, got {attempt.got}"
                for attempt in self.attempts
                if not attempt.held
            ),
        ]

    def as_json(self) -> dict[str, Any]:
        """What `ecp demo --json` says of every run; money is Decimal."""
        return {
            "fees": dict(zip(("provider", "platform"), self.accounts.earned, strict=True)),
            "wallets": [asdict(purse) for purse in self.accounts.purses],
            "trust": [asdict(standing) for standing in self.accounts.standings],
            "verify": {
                "ok": all(check.ok for check in self.checks),
                "checks": [{"name": check.name, "ok": check.ok, "detail": check.detail} for check in self.checks],
            },
            "server": self.server,
            "ok": not self.faults,
            "faults": self.faults,
        }

    def ending(self, command: str, asked: Iterable[tuple[str, str]]) -> Iterator[str]:
        """How every summary ends; `asked` are calls of `command` that say why, and what of."""
        held = sum(attempt.held for attempt in self.attempts)
        yield f"Attacks: {held} of {len(self.attempts)} ended as they must."
        for attempt in self.attempts:
            yield f"  {'held' if attempt.held else 'FAIL'}  she {attempt.what}: {attempt.got}"
        yield ""
        yield from _money_in_words(self.accounts)
        yield ""
        yield "Trust:"
        for standing in self.accounts.standings:
            yield f"  {_standing_in_words(standing)}"
        yield ""
        ok = sum(check.ok for check in self.checks)
        yield f"Books: {'; '.join(self.unlike) or ALIKE}."
        yield f"Invariants: {ok} of {len(self.checks)} hold over this run and all before it (`{command} verify`)."
        yield ""
        yield "Ask why:"
        for call, what in (*asked, *_accounts_asked(self.accounts)):
            yield f"  {command} {call:<16}  # {what}"
        yield ""
        yield from ("FAILED: " + fault for fault in self.faults)
        if not self.faults:
            yield "All of it holds."


@dataclass(frozen=True, kw_only=True)
class Outcome(Result):
    """A run of the reference terminals."""

    play: Play

    @property
    def verdicts(self) -> Counter[str]:
        return self.play.master.verdicts + self.play.adversary.verdicts

    @property
    def latency_ms(self) -> dict[str, float]:
        ingest = self.play.master.ack_ms
        copy = [took for copier in self.play.copiers for took in copier.tally.copy_ms]
        return {
            f"{name}_{label}": percentile(values, share)
            for name, values in (("ingest", ingest), ("copy", copy))
            for label, share in (("p50", 0.5), ("p99", 0.99))
        }

    def as_json(self) -> dict[str, Any]:
        """With what the master sent and the terminals did."""
        play = self.play
        reports: Counter[str] = sum((copier.tally.reported for copier in play.copiers), Counter())
        return {
            "bars": play.bars,
            "signals": {"sent": play.master.sent + play.adversary.sent, "verdicts": dict(self.verdicts)},
            "deliveries": sum(copier.terminal.last for copier in play.copiers),
            "reports": dict(reports),
            "latency_ms": self.latency_ms,
        } | super().as_json()

    def in_words(self, command: str) -> Iterator[str]:
        """The summary; `command` is how this command line was called."""
        yield from _played_in_words(self)
        yield ""
        yield from self.ending(command, _examples(self.play))


def read(play: Play, **known: Any) -> Outcome:
    """`known` are the fields of Result that others know."""
    return Outcome(play=play, unlike=play.unlike, attempts=play.adversary.attempts, **known)


MEANING = {
    "ACCEPTED": "took effect",
    "DUPLICATE": "the same bytes again: the first verdict again, and no second effect",
    "REPLAY": "a number that was used for other bytes, or an epoch that is over",
    "GAP": "something before it was missing; the master filled the gap",
    "BAD_SIGNATURE": "not signed with the stream's key",
    "STALE": "too old to open anything",
    "FUTURE": "dated ahead of the plane's clock",
    "RATE_LIMITED": "opened faster than the stream may",
    "MALFORMED": "lacked what its action needs",
    "UNDECIDED": "the database did not answer in time; the same bytes were sent again",
}

# So many lines of a statement.
LAST = 6

ALIKE = "what every broker holds follows from the master's book, before it closed its last position and after"

GUARD = {
    guard.TTL_EXPIRED: "too late",
    guard.PRICE_DEVIATION: "price had moved",
    guard.BROKER_REJECTED: "refused by the broker",
}


def _played_in_words(outcome: Outcome) -> Iterator[str]:
    play, survey = outcome.play, outcome.play.survey
    latency = outcome.latency_ms
    yield (
        f"{play.bars:,} bars of {play.cast.symbol}, {survey.first:%Y-%m-%d} to {survey.last:%Y-%m-%d}, "
        f"in {outcome.took_s:.1f} s. The first trade was copied {outcome.first_copy_s:.1f} s after the start."
    )
    yield ""
    yield (
        f"Signals: the master sent {play.master.sent:,} over {len(play.openings)} trades, the adversary "
        f"{play.adversary.sent}. A durable verdict took {latency['ingest_p50']:.1f} ms (median), "
        f"{latency['ingest_p99']:.1f} ms (99 of 100)."
    )
    yield from verdicts_in_words(outcome.verdicts)
    yield ""
    yield (
        f"Copies: from the master's send to the fill {latency['copy_p50']:.1f} ms (median), "
        f"{latency['copy_p99']:.1f} ms (99 of 100)."
    )
    for copier in play.copiers:
        yield from _copier_in_words(play, copier)


def verdicts_in_words(verdicts: Mapping[str, int]) -> Iterator[str]:
    """How many of each, the most first, and what it means."""
    for verdict, count in Counter(verdicts).most_common():
        yield f"  {count:>6,}  {verdict:<13}  {MEANING.get(verdict, '')}".rstrip()


def _copier_in_words(play: Play, copier: Copier) -> Iterator[str]:
    follower, tally = copier.follower, copier.tally
    why = ", ".join(f"{count} {GUARD.get(code, code)}" for code, count in tally.refused.most_common())
    story = "; ".join(filter(None, (follower.story, follower.trouble)))
    yield f"  {follower.name}, subscription {copier.subscription_id}: {story}"
    yield (
        f"      executed {tally.reported['EXECUTED']:,}, skipped {copier.skipped(play.master.rulings):,}, "
        f"refused {tally.refused.total():,}{f' ({why})' if why else ''}, result {copier.broker.realised / E8:+,.2f}"
    )
    if notes := list(_notes(copier)):
        yield f"      {'; '.join(notes)}"


def _money_in_words(accounts: Accounts) -> Iterator[str]:
    provider, platform = accounts.earned
    yield f"Statements: the master earned {provider:,.2f} {CURRENCY}, the platform {platform:,.2f}."
    for purse in accounts.purses:
        yield f"  {_purse_in_words(purse)}"
    yield f"  The end of the statement of {min(accounts.purses, key=lambda purse: purse.sums['DEPOSIT']).name}:"
    yield from (f"    {line}" for line in rows.lines(Rows(accounts.shortest.columns, accounts.shortest.rows[-LAST:])))


def _purse_in_words(purse: Purse) -> str:
    copies, profit, late = (-purse.sums.get(kind, Decimal(0)) for kind in ("COPY_FEE", "PERFORMANCE_FEE", "ARREARS"))
    notes = [
        f"paid in {purse.sums['DEPOSIT']:,.2f}",
        f"{copies:,.2f} for copies",
        f"{profit + late:,.2f} on new profit up to {purse.high_water_mark:,.2f}",
        f"{purse.left:,.2f} left",
    ]
    if purse.locked:
        notes.append(f"nothing left {'once' if purse.locked == 1 else f'{purse.locked} times'}: closed all the same")
    return f"{purse.name}: {', '.join(notes)}"


def _standing_in_words(standing: Standing) -> str:
    said = f"{standing.name}, as {standing.role}: {standing.score} of 100"
    if not standing.is_trusted:
        said += ", opens nothing more"
    if standing.resets:
        said += f"; set right {standing.resets} times by an operator, who knew of the adversary on the wire"
    return said


def _notes(copier: Copier) -> Iterator[str]:
    """What happened to this one."""
    follower, tally, execution = copier.follower, copier.tally, copier.terminal.execution
    if follower.breaks and tally.resumed:
        yield f"came back to {tally.resent} missed deliveries, {tally.gap_fills} of them too old to follow"
    if follower.dies and tally.resumed:
        yield f"found {tally.recovered} unreported orders again at the broker, and repeated none"
    if copier.caught_up:
        yield f"took over {copier.caught_up} of the master's positions"
    if tally.holes:
        yield f"noticed that a delivery was missing, and got it again ({tally.holes})"
    if execution.retries:
        yield f"repeated {execution.retries} orders that manage or cut exposure and had been refused"
    if tally.idle_signals:
        yield f"had no position for {tally.idle_signals} more"


def _examples(play: Play) -> Iterator[tuple[str, str]]:
    """An opening each that was copied, skipped and refused, and by whom: how to ask why, and what that is."""
    wanted = {
        "EXECUTED": "copied",
        guard.PRICE_DEVIATION: "refused by the guard: the price had moved",
        guard.TTL_EXPIRED: "refused by the guard: it came too late",
        guard.BROKER_REJECTED: "refused by the broker",
    }
    for outcome, what in wanted.items():
        for copier in play.copiers:
            if outcome in copier.tally.examples:
                epoch, seq = copier.tally.examples[outcome]
                yield f"explain {copier.subscription_id} {epoch} {seq}", f"{copier.follower.name}: {what}"
                break
    choosy = max(play.copiers, key=lambda copier: copier.skipped(play.master.rulings))
    for seq in play.openings:
        if seq not in choosy.tally.delivered:
            call = f"explain {choosy.subscription_id} {play.master.epoch} {seq}"
            yield call, f"{choosy.follower.name}: skipped by the plane"
            return


def _accounts_asked(accounts: Accounts) -> Iterator[tuple[str, str]]:
    purse, standing = accounts.purses[0], accounts.standings[0]
    yield f"statement {purse.account_id}", f"{purse.name}: all that was paid, and what for"
    yield f"trust show {standing.account_id}", f"{standing.name}: every point, and what it was for"
