"""What terminals say, and how it may be said otherwise."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from tests.db.plane.values import START, e8, microseconds, sign


@dataclass(frozen=True)
class Signal:
    """One signal on its way in. The bytes that are signed follow from the fields unless they are given."""

    lane: int
    session: UUID | None
    stream: int | None
    key: bytes
    epoch: int | None
    seq: int | None
    action: str | None
    position: int | None = 1
    symbol: str | None = "EURUSD"
    side: str | None = "BUY"
    volume: str | int | None = "0.10"
    price: str | int | None = "1.10000"
    stop_loss: str | int | None = 0
    take_profit: str | int | None = 0
    magic: int | None = 0
    order_type: str | None = "MARKET"
    book: str | None = None
    balance: str | int | None = 0
    equity: str | int | None = 0
    sent_us: int | None = microseconds(START)
    received_us: int | None = None
    given_payload: bytes | None = None
    given_tag: bytes | None = None

    @property
    def payload(self) -> bytes:
        if self.given_payload is not None:
            return self.given_payload
        fields = [self.stream, self.epoch, self.seq, self.action, self.position, self.symbol, self.side, self.volume]
        rest = [self.price, self.stop_loss, self.take_profit, self.magic, self.order_type, self.book, self.sent_us]
        rest += [self.balance, self.equity]
        return json.dumps([*fields, *rest]).encode()

    @property
    def tag(self) -> bytes:
        return sign(self.key, self.payload) if self.given_tag is None else self.given_tag

    def but(self, **changes: Any) -> "Signal":
        return replace(self, **changes)

    def forged(self) -> "Signal":
        return self.but(given_tag=bytes(32))


@dataclass(frozen=True)
class Report:
    """What became of a delivery."""

    lane: int
    session: UUID | None
    subscription: int
    delivery: int
    status: str | None = "EXECUTED"
    code: str | None = ""
    ticket: int | None = 7001
    price: str | int | None = "1.10000"
    volume: str | int | None = "0.10"
    received_us: int | None = microseconds(START)
    executed_us: int | None = microseconds(START)

    def but(self, **changes: Any) -> "Report":
        return replace(self, **changes)


@dataclass(frozen=True)
class Holding:
    """A position or pending order that a follower's terminal finds at its broker."""

    ticket: int | None = 7001
    position: int | None = 0
    delivery: int | None = 0
    symbol: str | None = "EURUSD"
    side: str | None = "BUY"
    volume: str | int | None = "0.10"
    price: str | int | None = "1.10000"
    stop_loss: str | int | None = 0
    take_profit: str | int | None = 0
    order_type: str | None = "MARKET"

    def but(self, **changes: Any) -> "Holding":
        return replace(self, **changes)


@dataclass(frozen=True)
class Heartbeat:
    """What an account is worth; of one subscription in it, or (0) of none."""

    lane: int
    session: UUID | None
    portfolio: int | None
    balance: str | int | None = "10000"
    equity: str | int | None = "10000"
    broker_us: int | None = 0
    subscription: int | None = 0
    processed: int | None = 0
    profit: str | int | None = 0

    def but(self, **changes: Any) -> "Heartbeat":
        return replace(self, **changes)


@dataclass(frozen=True)
class Specification:
    """What a broker says of a symbol that it trades."""

    symbol: str | None
    digits: int | None = 5
    contract_size: str | int | None = "100000"
    volume_min: str | int | None = "0.01"
    volume_max: str | int | None = "50"
    volume_step: str | int | None = "0.01"
    tick_size: str | int | None = "0.00001"
    tick_value: str | int | None = "1"
    base_currency: str | None = ""
    profit_currency: str | None = ""
    trade_mode: str | None = "FULL"


def held(
    position: int, volume: str = "0.10", *, side: str = "BUY", price: str = "1.10000", **changes: Any
) -> dict[str, Any]:
    """A position of a master's snapshot, as the gateway writes it; prices in `changes` as text."""
    written = {
        f"{key}_e8" if isinstance(value, str) and value[0].isdigit() else key: value for key, value in changes.items()
    }
    base = {
        "position_id": position, "symbol": "EURUSD", "side": side, "volume_e8": e8(volume), "price_e8": e8(price),
        "stop_loss_e8": 0, "take_profit_e8": 0, "order_type": "MARKET", "magic": 0, "opened_at_us": 0,
    }  # fmt: skip
    return base | {key: e8(value) if key.endswith("_e8") else value for key, value in written.items()}


def columns(rows: Sequence[object], names: str) -> list[list[Any]]:
    """An array for each of these fields; of what is marked _e8, the integers that travel."""

    def column(name: str) -> list[Any]:
        if name.endswith("_e8"):
            return [e8(getattr(row, name.removesuffix("_e8"))) for row in rows]
        return [getattr(row, name) for row in rows]

    return [column(name) for name in names.split()]
