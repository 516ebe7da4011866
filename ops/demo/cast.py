"""Who plays: a master, those who copy it, and one who means harm; made anew for every run."""

import json
import secrets
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from psycopg import Connection

from ops.demo.broker import Mode

# Compressed bars come faster than any master trades; the plane's default of 100/s is for those.
RATE = 10_000
TTL_MS = 500

# The adversary's own stream is an ordinary one, so that its limits can be seen to hold.
ADVERSARY_RATE = 5
ADVERSARY_BURST = 5

CURRENCY = "USD"
# What it costs to follow the master.
PLAN = {
    "currency": CURRENCY,
    "flat": "0.25",
    "per_lot": "1",
    "performance_rate": "0.1",
    "period": "TRADE",
    "platform_share": "0.15",
}


@dataclass(frozen=True)
class Follower:
    """A subscriber: copy settings, money, and how well terminal and broker work, which `trouble` says. `spread` and
    `deviation` are parts of the average range of a bar, so that they fit any instrument; `suffix` is what the broker
    adds to its name. `prepaid` is paid in at the start, `paid_later` half-way."""

    name: str
    story: str
    trouble: str = ""
    multiplier: Decimal = Decimal(1)
    volume_min: Decimal = Decimal("0.01")
    volume_max: Decimal = Decimal(100)
    deviation: float | None = None
    ttl_ms: int = TTL_MS
    reverse: bool = False
    late_join: str = "NONE"
    mode: Mode = "HEDGING"
    suffix: str = ""
    spread: float = 0.05
    refuses_every: int | None = None
    hangs_every: int | None = None
    loses: int | None = None
    breaks: bool = False
    joins_late: bool = False
    dies: bool = False
    prepaid: int = 10_000
    paid_later: int = 0


FOLLOWERS = (
    Follower("alice", "the master's lots", "loses her connection half-way", breaks=True),
    Follower(
        "bruno",
        "half the lots, 0.60 at most",
        "his broker refuses every 7th order",
        multiplier=Decimal("0.5"),
        volume_max=Decimal("0.60"),
        # Fewer than there are openings in the burst, so that one of these is among them.
        refuses_every=7,
    ),
    Follower(
        "chen",
        "a tenth of the lots, 0.10 at least",
        "her terminal loses a delivery",
        multiplier=Decimal("0.1"),
        volume_min=Decimal("0.10"),
        loses=5,
    ),
    Follower(
        "dora",
        "the master's lots; strict on price and age",
        "her terminal hangs at times",
        deviation=0.12,
        ttl_ms=250,
        hangs_every=10,
    ),
    Follower("emil", "twice the lots, on a netting account", multiplier=Decimal(2), mode="NETTING", suffix=".m"),
    Follower("fatou", "sells what the master buys; pays four times the spread", reverse=True, spread=0.2),
    Follower("gita", "joins half-way, and takes over what is open then", joins_late=True, late_join="ALL"),
    Follower("hugo", "the master's lots", "his terminal dies in a burst of openings, and loses its state", dies=True),
    Follower("ines", "pays in little, and again half-way", prepaid=10, paid_later=5_000),
)


@dataclass(frozen=True)
class Publisher:
    """A provider with a stream of its own."""

    account_id: int
    token: str
    stream: str
    stream_id: int
    key: bytes


@dataclass(frozen=True)
class Subscriber:
    """A follower, subscribed to the master."""

    follower: Follower
    account_id: int
    subscription_id: int
    token: str


@dataclass(frozen=True)
class Cast:
    """Everybody in one run; those who join late are subscribed when they do (`subscribe`). `revoked` is a token that
    was the master's."""

    run: str
    symbol: str
    swing_points: int
    master: Publisher
    plan_id: int
    subscribers: list[Subscriber]
    adversary: Publisher
    revoked: str


def make(db: Connection[Any], symbol: str, digits: int, swing_points: int) -> Cast:
    """Accounts, licenses, streams and subscriptions of a run; its name keeps it apart from every other."""
    run = f"demo-{secrets.token_hex(3)}"
    master = _publisher(db, f"{run}-master", symbol, digits, RATE, RATE)
    adversary = _publisher(db, f"{run}-mallory", symbol, digits, ADVERSARY_RATE, ADVERSARY_BURST)
    license_id, revoked = _license(db, master.account_id, "publish")
    db.execute("select access.revoke_license(%s)", [license_id])
    plan_id = _value(db, "select billing.write_plan(%s, %s, 'demo')", master.stream_id, json.dumps(PLAN))
    cast = Cast(run, symbol, swing_points, master, plan_id, [], adversary, revoked)
    for follower in FOLLOWERS:
        if not follower.joins_late:
            subscribe(db, cast, follower)
    return cast


def subscribe(db: Connection[Any], cast: Cast, follower: Follower) -> Subscriber:
    """The follower follows the master from now on."""
    account_id = _value(db, "select access.create_account(%s, '{subscriber}')", f"{cast.run}-{follower.name}")
    _, token = _license(db, account_id, "subscribe")
    portfolio_id = _value(db, "select signals.create_portfolio(%s, 'main', %s)", account_id, follower.mode)
    deviation = None if follower.deviation is None else max(round(follower.deviation * cast.swing_points), 1)
    settings = {
        "multiplier": follower.multiplier,
        "volume_min": follower.volume_min,
        "volume_max": follower.volume_max,
        "max_deviation_points": deviation,
        "ttl": f"{follower.ttl_ms} ms",
        "reverse": follower.reverse,
        "late_join": follower.late_join,
    }
    subscription_id = _value(
        db,
        "select signals.subscribe(%s, %s, %s, %s)",
        account_id,
        cast.master.stream_id,
        json.dumps(settings, default=str),
        portfolio_id,
    )
    subscriber = Subscriber(follower, account_id, subscription_id, token)
    _value(db, "select billing.open_wallet(%s, %s)", account_id, CURRENCY)
    pay_in(db, cast, subscriber, follower.prepaid)
    _value(db, "select billing.assign_plan(%s, %s, 'demo')", subscription_id, cast.plan_id)
    cast.subscribers.append(subscriber)
    return subscriber


def pay_in(db: Connection[Any], cast: Cast, subscriber: Subscriber, amount: int) -> None:
    """What a payment adapter does when the money has come."""
    key = f"{cast.run}-{subscriber.follower.name}-{amount}"
    _value(db, "select billing.deposit(%s, %s, %s, %s, 'demo')", subscriber.account_id, CURRENCY, amount, key)


def operator(db: Connection[Any]) -> str:
    """A license with which somebody who may see and steer everything signs in to the console."""
    name = f"demo-{secrets.token_hex(3)}-operator"
    _, token = _license(db, _value(db, "select access.create_account(%s, '{operator}')", name), "api")
    return token


def restore_trust(db: Connection[Any], publisher: Publisher) -> None:
    """By an operator."""
    db.execute("select trust.reset(%s, 'provider', 100, 'the wire is tapped', 'demo')", [publisher.account_id])


def _publisher(db: Connection[Any], name: str, symbol: str, digits: int, rate: int, burst: int) -> Publisher:
    account_id = _value(db, "select access.create_account(%s, '{provider}')", name)
    _, token = _license(db, account_id, "publish")
    key = secrets.token_bytes(32)
    stream_id = _value(
        db, "select signals.create_stream(%s, %s, %s, %s, %s, %s)", account_id, name, key, TTL_MS, rate, burst
    )
    _value(db, "select signals.define_instrument(%s, %s, %s, 0.01, 100, 0.01)", stream_id, symbol, digits)
    return Publisher(account_id, token, name, stream_id, key)


def _license(db: Connection[Any], account_id: int, purpose: str) -> tuple[Any, str]:
    cursor = db.execute("select license_id, token from access.issue_license(%s, %s)", [account_id, purpose])
    row = cursor.fetchone()
    assert row is not None
    license_id, token = row
    return license_id, token


def _value(db: Connection[Any], sql: str, *parameters: object) -> Any:
    cursor = db.execute(sql.encode(), parameters)
    row = cursor.fetchone()
    assert row is not None
    return row[0]
