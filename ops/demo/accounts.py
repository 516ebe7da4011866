"""What the run cost everybody, and who is trusted after it: by the plane's word, when all is over."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from psycopg import Connection

from ops import statement, trust
from ops.demo.cast import CURRENCY, Cast
from ops.rows import Rows

AGREEMENT = """
select a.high_water_mark, count(e) filter (where e.cause = 'no_funds'), a.arrears
from billing.agreements as a
left join signals.subscription_events as e on e.lane = a.lane and e.subscription_id = a.subscription_id
where a.subscription_id = %s
group by a.lane, a.subscription_id
"""
EARNED = """
select coalesce(sum(amount) filter (where not is_platforms), 0), coalesce(sum(amount) filter (where is_platforms), 0)
from analytics.fees
where stream_id = %s
"""


@dataclass(frozen=True)
class Purse:
    """A follower's wallet: sums of its statement, by kind, and how often it was locked for want of money."""

    name: str
    account_id: int
    sums: dict[str, Decimal]
    left: Decimal
    high_water_mark: Decimal
    locked: int
    arrears: Decimal


@dataclass(frozen=True)
class Standing:
    """How far somebody is trusted, in one role."""

    name: str
    account_id: int
    role: str
    score: int
    is_trusted: bool
    resets: int


@dataclass(frozen=True)
class Accounts:
    """`earned` by the provider, and by the platform; `shortest` is the statement of who paid in least."""

    purses: list[Purse]
    earned: tuple[Decimal, Decimal]
    standings: list[Standing]
    shortest: Rows


def read(db: Connection[Any], cast: Cast) -> Accounts:
    """Of everybody in the run."""
    statements = {
        subscriber.follower.name: statement.read(db, subscriber.account_id, CURRENCY) for subscriber in cast.subscribers
    }
    purses = []
    for subscriber in cast.subscribers:
        name = subscriber.follower.name
        sums: dict[str, Decimal] = {}
        for _, kind, _, change, _, _ in statements[name].rows:
            sums[kind] = sums.get(kind, Decimal(0)) + (change or 0)
        row = db.execute(AGREEMENT, [subscriber.subscription_id]).fetchone()
        assert row is not None
        left = statements[name].rows[-1][4]
        purses.append(Purse(name, subscriber.account_id, sums, left, *row))
    row = db.execute(EARNED, [cast.master.stream_id]).fetchone()
    assert row is not None
    people = {"the master": cast.master.account_id, "the adversary": cast.adversary.account_id}
    people |= {subscriber.follower.name: subscriber.account_id for subscriber in cast.subscribers}
    least = min(cast.subscribers, key=lambda subscriber: subscriber.follower.prepaid)
    return Accounts(
        purses,
        (row[0], row[1]),
        [_standing(name, number, row) for name, number in people.items() for row in trust.read(db, number)],
        statements[least.follower.name],
    )


def _standing(name: str, account_id: int, row: dict[str, Any]) -> Standing:
    resets = sum(event["code"] == "RESET" for event in row["events"])
    return Standing(name, account_id, row["role"], row["score"], row["is_trusted"], resets)
