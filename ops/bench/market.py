"""The accounts and streams that a bench runs on: its own, so that a database can be measured again and again."""

import secrets
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

KEY = bytes(range(32))
SYMBOL = "EURUSD"
SETTINGS = '{"multiplier": 0.5, "ttl": "5 s"}'


@dataclass(frozen=True)
class Master:
    """A stream with its own provider and license, so that each has its own connection."""

    stream: str
    stream_id: int
    token: str


@dataclass(frozen=True)
class Follower:
    """A subscription with its own account and license."""

    subscription_id: int
    token: str


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
        made.append(Follower(subscription, _license(connection, account, "subscribe")))
    return made


def _license(connection: Connection[Any], account: int, purpose: str) -> str:
    token: str = _one(connection, "select token from access.issue_license(%s, %s)", account, purpose)
    return token


def _one(connection: Connection[Any], query: str, *arguments: Any) -> Any:
    row = connection.execute(query.encode(), arguments).fetchone()
    assert row is not None
    return row[0]
