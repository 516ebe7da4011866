"""What the functions answer: rows of theirs."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class Verdict(NamedTuple):
    """A row of signals.ingest."""

    ord: int
    verdict: str
    original: str
    code: str | None
    next_seq: int | None
    epoch: int | None
    decided_at: datetime


class Position(NamedTuple):
    """How far a stream has come somewhere: a row of signals.routes."""

    stream_lane: int
    stream_id: int
    epoch: int
    seq: int


class ReportVerdict(NamedTuple):
    """A row of signals.report."""

    ord: int
    verdict: str
    code: str | None


@dataclass(frozen=True)
class Delivery:
    """A row of signals.dispatch or signals.deliveries."""

    subscription_id: int
    delivery_seq: int
    stream_id: int
    epoch: int
    seq: int
    possible_duplicate: bool
    gap_fill: bool
    action: str
    symbol: str
    side: str
    position_id: int
    volume_e8: int
    price_e8: int
    stop_loss_e8: int
    take_profit_e8: int
    max_deviation_e8: int
    sent_at_us: int
    expires_at_us: int
    magic: int
    order_type: str
    session_id: UUID | None
    held_volume_e8: int
    ticket: int
    worst_price_e8: int


@dataclass(frozen=True)
class Session:
    """A row of access.open_session."""

    code: str | None
    session_id: UUID
    lane: int
    account_id: int
    account: str
    purpose: str
    lease_ms: int
    plane_time: datetime


@dataclass(frozen=True)
class License:
    """A row of access.issue_license."""

    license_id: UUID
    token: str
    expires_at: datetime


@dataclass(frozen=True)
class Tokens:
    """A row of access.exchange_license."""

    access_token: str
    refresh_token: str
    scope: str
    expires_in: int


def told(deliveries: Iterable[Delivery]) -> list[tuple[str, int]]:
    """What to do with which position of the master."""
    return [(each.action, each.position_id) for each in deliveries]


def lots(deliveries: Iterable[Delivery]) -> list[tuple[str, int, int]]:
    """And how many units of 1e-8 lots it is about."""
    return [(each.action, each.position_id, each.volume_e8) for each in deliveries]
