"""The table that the peers write: the columns and the primary key of signals.signals, and nothing else of it."""

import uuid
from collections.abc import Sequence
from typing import Any, LiteralString

from psycopg import Connection

from gateway import ecp_pb2 as pb
from gateway import publishing
from gateway.client import now_us

INSERT = (
    "insert into bench.signals (lane, stream_id, epoch, seq, verdict, action, symbol, side, position_id, volume, price,"
    " stop_loss, take_profit, magic, order_type, book, sent_at, received_at, payload, tag, balance, equity)"
    " select $1::smallint, stream_id, epoch, seq, 'ACCEPTED', action, symbol, side, position_id,"
    " nullif(volume, 0) * 0.00000001, nullif(price, 0) * 0.00000001, nullif(stop_loss, 0) * 0.00000001,"
    " nullif(take_profit, 0) * 0.00000001, magic, order_type, book,"
    " (timestamp 'epoch' + sent_us * interval '1 microsecond') at time zone 'UTC', clock_timestamp(), payload, tag,"
    " nullif(balance, 0) * 0.00000001, nullif(equity, 0) * 0.00000001"
    " from unnest($2::bigint[], $3::integer[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::bigint[],"
    " $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::text[], $15::jsonb[],"
    " $16::bigint[], $17::bytea[], $18::bytea[], $19::bigint[], $20::bigint[]) as a (stream_id, epoch, seq, action,"
    " symbol, side, position_id, volume, price, stop_loss, take_profit, magic, order_type, book, sent_us, payload, tag,"
    " balance, equity)"
)
COUNT = "select count(*) from bench.signals where stream_id = any(%s)"
_CREATE: LiteralString = """
    create schema bench;
    create table bench.signals (like signals.signals including defaults);
    alter table bench.signals add primary key (lane, stream_id, epoch, seq);
    grant usage on schema bench to ecp_gateway;
    grant insert on bench.signals to ecp_gateway;
    create table bench.floor (at timestamptz not null);
"""
_NOBODY = uuid.UUID(int=0)


def create(connection: Connection[Any]) -> None:
    """The table, empty; `drop` takes it away."""
    drop(connection)
    connection.execute(_CREATE)


def empty(connection: Connection[Any]) -> None:
    connection.execute("truncate bench.signals")


def drop(connection: Connection[Any]) -> None:
    connection.execute("drop table if exists bench.signals, bench.floor; drop schema if exists bench")


def columns(signed: Sequence[pb.SignedSignal], session: uuid.UUID = _NOBODY) -> list[list[Any]]:
    """All arguments of signals.ingest but the lane, as the gateway makes them, received now."""
    signals = [pb.Signal.FromString(one.signal) for one in signed]
    made = publishing.columns(session, 0, signed, signals, now_us())
    made[1] = [signal.stream_id for signal in signals]
    return made


def inserted(columns: list[list[Any]]) -> list[list[Any]]:
    """Those of them that INSERT takes."""
    return columns[1:-1]
