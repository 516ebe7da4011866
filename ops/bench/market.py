"""The accounts and streams that a bench runs on: its own, so that a database can be measured again and again."""

import secrets
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

KEY = bytes(range(32))
SYMBOL = "EURUSD"
MAGIC = 7
FOLLOWER_VOLUME_E8 = 5_000_000
"""Of each copy by SETTINGS of what the masters open."""
SETTINGS = '{"multiplier": 0.5, "ttl": "1 min"}'

FEES = {"currency": "USD", "flat": 0.1, "per_lot": 2, "performance_rate": 0.2, "period": "DAILY", "platform_share": 0.3}


@dataclass(frozen=True)
class Master:
    """A stream with its own provider and license, so that each has its own connection."""

    stream: str
    stream_id: int
    token: str


@dataclass(frozen=True)
class Follower:
    """A subscription with its own account and license."""

    account_id: int
    portfolio_id: int
    subscription_id: int
    token: str


@dataclass(frozen=True)
class Copy:
    """A subscription that copies into a portfolio of its own, at whose broker symbols end in `suffix`."""

    subscription_id: int
    portfolio_id: int
    suffix: str
    copies: bool
    """Whether its settings take what the master of the bench does."""


@dataclass(frozen=True)
class Account:
    """A subscriber with one license, and so one connection, for several subscriptions."""

    account_id: int
    token: str
    copies: list[Copy]


# What people set, and whether it lets the master's EURUSD BUY of 0.10 lots, magic 7, through.
MIX: list[tuple[dict[str, Any], bool]] = [
    ({"sizing": "SAME"}, True),
    ({"sizing": "FIXED", "fixed_volume": 0.05}, True),
    ({"sizing": "MULTIPLIER", "multiplier": 0.5}, True),
    ({"sizing": "BALANCE_RATIO", "volume_step": 0.02, "volume_min": 0.02}, True),
    ({"sizing": "EQUITY_RATIO", "below_minimum": "ROUND_UP"}, True),
    ({"sizing": "RISK", "risk_percent": 1}, True),
    ({"sizing": "SAME", "reverse": True}, True),
    ({"sizing": "RISK", "risk_percent": 0.5, "reverse": True, "sides": ["BUY"]}, True),
    ({"sizing": "MULTIPLIER", "multiplier": 2, "align_contract_size": True, "max_deviation_points": 30}, True),
    ({"hours": ["Mon-Sun 00:00-24:00"], "zone": "BROKER", "trades_per_day": 1_000_000}, True),
    ({"news_before": "15 min", "news_after": "15 min", "symbols": [SYMBOL], "magics": [MAGIC]}, True),
    ({"sides": ["SELL"]}, False),
    ({"excluded_symbols": [SYMBOL]}, False),
    ({"magics": [MAGIC + 1]}, False),
    ({"multiplier": 0.01}, False),
]
SUFFIXES = ["", ".m", "_i", "pro", "m"]


def masters(connection: Connection[Any], count: int, *, ttl_ms: int) -> list[Master]:
    """`count` streams, dealt over the lanes, whose rate limit no bench reaches."""
    made = []
    for _ in range(count):
        name = f"bench-{secrets.token_hex(6)}"
        account = _one(connection, "select access.create_account(%s, array['provider'])", name)
        stream_id = _one(
            connection, "select signals.create_stream(%s, %s, %s, %s, 1000000, 1000000)", account, name, KEY, ttl_ms
        )
        connection.execute("select signals.define_instrument(%s, %s, 5, 0.01, 100, 0.01)", [stream_id, SYMBOL])
        made.append(Master(name, stream_id, _license(connection, account, "publish")))
    return made


def followers(connection: Connection[Any], count: int, stream_id: int) -> list[Follower]:
    """`count` subscriptions to one stream, dealt over the lanes."""
    made = []
    for _ in range(count):
        name = f"bench-{secrets.token_hex(6)}"
        account = _one(connection, "select access.create_account(%s, array['subscriber'])", name)
        subscription = _one(connection, "select signals.subscribe(%s, %s, %s)", account, stream_id, SETTINGS)
        portfolio = _one(
            connection, "select portfolio_id from signals.subscriptions where subscription_id = %s", subscription
        )
        made.append(Follower(account, portfolio, subscription, _license(connection, account, "subscribe")))
    return made


def charge(connection: Connection[Any], master: Master, made: list[Follower]) -> None:
    """From now on the followers pay for every copy, and for new profit by the day, out of a wallet each."""
    plan = _one(connection, "select billing.write_plan(%s, %s, 'bench')", master.stream_id, Jsonb(FEES))
    for follower in made:
        connection.execute("select billing.open_wallet(%s, 'USD')", [follower.account_id])
        connection.execute(
            "select billing.deposit(%s, 'USD', 1000000, %s, 'bench')", [follower.account_id, follower.token[:40]]
        )
        connection.execute("select billing.assign_plan(%s, %s, 'bench')", [follower.subscription_id, plan])


def accounts(connection: Connection[Any], count: int, stream_id: int, *, each: int = 20) -> list[Account]:
    """`count` subscriptions to one stream, of mixed settings, `each` to an account; dealt over the lanes."""
    made = []
    for first in range(0, count, each):
        with connection.transaction():
            name = f"bench-{secrets.token_hex(6)}"
            account = _one(connection, "select access.create_account(%s, array['subscriber'])", name)
            copies = []
            for number in range(first, min(first + each, count)):
                settings, is_copied = MIX[number % len(MIX)]
                portfolio = _one(connection, "select signals.create_portfolio(%s, %s)", account, f"p{number}")
                subscription = _one(
                    connection,
                    "select signals.subscribe(%s, %s, %s, %s)",
                    account,
                    stream_id,
                    Jsonb({"ttl": "5 s"} | settings),
                    portfolio,
                )
                copies.append(Copy(subscription, portfolio, SUFFIXES[number // len(MIX) % len(SUFFIXES)], is_copied))
            made.append(Account(account, _license(connection, account, "subscribe"), copies))
    return made


def operator(connection: Connection[Any]) -> str:
    """A license with which one signs in to the console."""
    return _license(connection, _one(connection, "select access.create_account('operator', '{operator}')"), "api")


def _license(connection: Connection[Any], account: int, purpose: str) -> str:
    token: str = _one(connection, "select token from access.issue_license(%s, %s)", account, purpose)
    return token


def _one(connection: Connection[Any], query: str, *arguments: Any) -> Any:
    row = connection.execute(query.encode(), arguments).fetchone()
    assert row is not None
    return row[0]
