"""Compares what the journal says with what the database holds. It knows nothing of the fault that was injected."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection

from ops import verify
from ops.torture.journal import Line

STORED = "select stream_id, seq, encode(tag, 'hex'), verdict from signals.signals where stream_id = any (%s)"
REPORTED = """
    select subscription_id, delivery_seq, concat_ws(' ', status, ticket) from signals.reports
    where subscription_id = any (%s)"""
DECIDED = """
    select subscription_id, delivery_seq, epoch, seq from signals.decisions
    where subscription_id = any (%s) and delivery_seq is not null"""
SUMS = (
    "select lane, currency, sum(balance) from billing.ledger_accounts group by lane, currency having sum(balance) <> 0"
)
SHOWN = 5


@dataclass
class Findings:
    """What was compared, and every breach that was found."""

    checked: Counter[str] = field(default_factory=Counter)
    breaches: list[str] = field(default_factory=list)

    def about(self, rule: str) -> list[str]:
        """The breaches of one rule."""
        return [breach for breach in self.breaches if breach.startswith(f"{rule}:")]

    def add(self, rule: str, offenders: Iterable[str]) -> None:
        offenders = list(offenders)
        if offenders:
            more = f" and {len(offenders) - SHOWN} more" if len(offenders) > SHOWN else ""
            self.breaches.append(f"{rule}: {len(offenders)}: {'; '.join(offenders[:SHOWN])}{more}")


def check(
    connection: Connection[Any], lines: Iterable[Line], *, received: dict[int, int], orders: dict[tuple[int, int], Any]
) -> Findings:
    """`received`: how far each subscription's follower has come; `orders`: what the broker executed, by delivery."""
    found = Findings()
    by_kind: dict[str, list[Line]] = {}
    for line in lines:
        by_kind.setdefault(line.kind, []).append(line)
    _check_signals(found, connection, by_kind.get("signal intent", []), by_kind.get("signal ack", []))
    _check_reports(found, connection, by_kind.get("report intent", []), by_kind.get("report ack", []))
    _check_deliveries(found, connection, received, orders)
    sums = connection.execute(SUMS).fetchall()
    found.add("ledger does not sum to zero", (f"lane {lane} {currency} {total}" for lane, currency, total in sums))
    found.checked["ledger sums"] += 1
    return found


def check_invariants(found: Findings, connection: Connection[Any]) -> None:
    """All of `ecp verify`."""
    checks = verify.read(connection)
    found.checked["invariants"] += len(checks)
    found.add("invariant", (f"{check.name}: {check.detail}" for check in checks if not check.ok))


def _check_signals(found: Findings, connection: Connection[Any], intents: list[Line], acks: list[Line]) -> None:
    rows = connection.execute(STORED, [list({line.of for line in intents})]).fetchall()
    stored = {(stream, seq, tag): verdict for stream, seq, tag, verdict in rows}
    acked = list(dict.fromkeys((line.of, line.seq, line.content, line.verdict) for line in acks))
    found.checked["acked signals"] += len({ack[:3] for ack in acked})
    found.checked["signals"] += len(rows)
    found.add("lost ack", (_name(ack) for ack in acked if ack[:3] not in stored))
    found.add(
        "acked as something else",
        (f"{_name(ack)} is {stored[ack[:3]]}" for ack in acked if stored.get(ack[:3], ack[3]) != ack[3]),
    )
    first: dict[tuple[int, int, str], str] = {}
    found.add(
        "verdict changed",
        (f"{_name(ack)} was {first[ack[:3]]}" for ack in acked if first.setdefault(ack[:3], ack[3]) != ack[3]),
    )
    meant = {(line.of, line.seq, line.content) for line in intents}
    found.add("nobody sent", (_name(row) for row in stored if row not in meant))
    _check_numbers(found, "signal", ((stream, seq) for stream, seq, *_ in rows))


def _check_reports(found: Findings, connection: Connection[Any], intents: list[Line], acks: list[Line]) -> None:
    rows = connection.execute(REPORTED, [list({line.of for line in intents})]).fetchall()
    stored = {(subscription, seq): content for subscription, seq, content in rows}
    found.checked["acked reports"] += len({(line.of, line.seq) for line in acks})
    found.add(
        "lost report",
        (_name(line[1:5]) for line in acks if stored.get((line.of, line.seq)) != line.content),
    )
    found.add(
        "report not taken",
        (_name(line[1:5]) for line in acks if line.verdict not in {"RECORDED", "REPORT_DUPLICATE"}),
    )
    found.add("report twice", _twice((subscription, seq) for subscription, seq, _ in rows))


def _check_deliveries(
    found: Findings, connection: Connection[Any], received: dict[int, int], orders: dict[tuple[int, int], Any]
) -> None:
    rows = connection.execute(DECIDED, [list(received)]).fetchall()
    found.checked["deliveries"] += len(rows)
    newest: dict[int, int] = dict.fromkeys(received, 0)
    for subscription, delivery_seq, *_ in rows:
        newest[subscription] = max(newest[subscription], delivery_seq)
    found.add(
        "delivery did not arrive",
        (f"subscription {s}: {received[s]} of {count}" for s, count in newest.items() if received[s] != count),
    )
    _check_numbers(found, "delivery", ((subscription, seq) for subscription, seq, *_ in rows))
    found.add("signal delivered twice", _twice((subscription, *signal) for subscription, _, *signal in rows))
    decided = {(subscription, delivery_seq): tuple(signal) for subscription, delivery_seq, *signal in rows}
    found.checked["orders"] += len(orders)
    found.add(
        "order without its delivery",
        (f"subscription {of[0]}, {of[1]}" for of, signal in orders.items() if decided.get(of) != signal),
    )
    found.add(
        "effect twice",
        _twice((subscription, *signal) for (subscription, _), signal in orders.items()),
    )


def _check_numbers(found: Findings, what: str, numbers: Iterable[tuple[int, int]]) -> None:
    """Of each, 1, 2, 3 … without a hole and without a repetition."""
    by: dict[int, list[int]] = {}
    for of, seq in numbers:
        by.setdefault(of, []).append(seq)
    found.add(f"{what} twice", _twice((of, seq) for of, seqs in by.items() for seq in seqs))
    found.add(
        f"{what} missing",
        (
            f"{len(set(range(1, max(seqs) + 1)) - set(seqs))} of {of}"
            for of, seqs in by.items()
            if len(set(seqs)) != max(seqs)
        ),
    )


def _twice(keys: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    return (f"{_name(key)} ({count} times)" for key, count in Counter(keys).items() if count > 1)


def _name(key: Iterable[Any]) -> str:
    of, seq, *rest = key
    return " ".join([f"{of}/{seq}", *(str(word)[:16] for word in rest)])
