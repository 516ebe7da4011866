"""What a follower tells of its broker account (Specifications, AccountState, Book), to the columns of SQL functions."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from gateway import ecp_pb2 as pb
from gateway.calls import columns
from gateway.errors import Texts
from gateway.publishing import BIGINT_MAX, SIDES, Answered, bigint, order_type, text
from gateway.wire import encode

TRADE_MODES: dict[int, str] = {number: name for name, number in pb.TradeMode.items()}
MODES: dict[str, Any] = dict(pb.AccountMode.items())

_INT_MAX = 2**31 - 1


def specifications(rows: Iterable[pb.Specification]) -> list[list[Any]]:
    """What signals.upload_specifications takes behind the portfolio."""
    return columns(
        (
            (
                text(row.symbol),
                min(row.digits, _INT_MAX),
                row.contract_size_e8,
                row.volume_min_e8,
                row.volume_max_e8,
                row.volume_step_e8,
                row.tick_size_e8,
                row.tick_value_e8,
                text(row.base_currency),
                text(row.profit_currency),
                TRADE_MODES.get(row.trade_mode, ""),
            )
            for row in rows
        ),
        11,
    )


def holdings(rows: Iterable[pb.Holding]) -> list[list[Any]]:
    """What signals.reconcile takes behind the delivery_seq."""
    return columns(
        (
            (
                bigint(row.ticket),
                bigint(row.position_id),
                bigint(row.delivery_seq),
                text(row.symbol),
                SIDES.get(row.side),
                row.volume_e8,
                row.price_e8,
                row.stop_loss_e8,
                row.take_profit_e8,
                order_type(row.order_type),
            )
            for row in rows
        ),
        10,
    )


def states(session: uuid.UUID, state: pb.AccountState) -> list[list[Any]]:
    """All arguments of signals.note_equity but the lane: a row for each subscription, or one for none."""
    account = (session, bigint(state.portfolio_id), state.balance_e8, state.equity_e8, state.broker_time_us)
    rows = [
        (*account, min(one.subscription_id, BIGINT_MAX), min(one.last_processed, BIGINT_MAX), one.profit_e8)
        for one in state.subscriptions
    ]
    return columns(rows or [(*account, 0, 0, 0)], 8)


class Stating:
    """One AccountState frame on its way through the database."""

    __slots__ = ("_client", "_count", "_frame_id", "_texts")

    def __init__(self, client: Answered, texts: Texts, *, frame_id: int, count: int) -> None:
        """`count` is how many rows were made of it."""
        self._client = client
        self._texts = texts
        self._frame_id = frame_id
        self._count = count

    may_go = True

    def done(self, rows: Sequence[Any]) -> None:
        self._settle([row[1] for row in rows])

    def refused(self, code: str) -> None:
        self._settle([code] * self._count)

    def _settle(self, codes: list[str | None]) -> None:
        ack = pb.AccountStateAck(refusals=self._texts.refusals(codes) if any(codes) else ())
        self._client.settle(encode(ack, self._frame_id), self._count)
