"""All the SQL of the gateway: one line a call. What a row means is said in db/functions/<schema>/<name>.sql.

Batches (INGEST, REPORT, NOTE_EQUITY) go through gateway.lanes as columns; the rest has a typed wrapper here.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any, NamedTuple

from gateway import ecp_pb2 as pb

if TYPE_CHECKING:
    from gateway.lanes import Link

Row = Sequence[Any]

SET_TIMEOUTS = "select set_config('statement_timeout', $1, false), set_config('lock_timeout', $1, false)"
SERVER_VERSION = "select current_setting('server_version_num')::int"
IS_DEPLOYED = "select to_regprocedure('ops.deployment_fingerprint()') is not null"
FINGERPRINT = "select ops.deployment_fingerprint()"
LANES = "select * from core.lane_numbers()"
RAISING = "select * from signals.raising_actions()"
NOW = "select core.now()"
ERRORS = "select * from core.error_registry()"

OPEN_SESSION = "select * from access.open_session($1::text, $2::bytea, $3::inet, $4::text, $5::text)"
RENEW_SESSIONS = "select * from access.renew_sessions($1::text, $2::uuid[], $3::bigint[])"
CLOSE_SESSION = "select access.close_session($1::uuid)"
OPEN_STREAM = "select * from signals.open_stream($1::uuid, $2::text)"
INGEST = (
    "select * from signals.ingest($1::smallint, $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[],"
    " $7::text[], $8::text[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[],"
    " $15::text[], $16::jsonb[], $17::bigint[], $18::bytea[], $19::bytea[], $20::bigint[], $21::bigint[],"
    " $22::bigint[])"
)
RESYNC = (
    "select * from signals.resync($1::smallint, $2::uuid, $3::bigint, $4::bigint, $5::bigint, $6::bytea, $7::bytea)"
)
HEADS = "select * from signals.heads($1::smallint)"
ROUTES = "select * from signals.routes($1::smallint)"
FEED = "select * from signals.feed($1::smallint, $2::bigint[], $3::int[], $4::bigint[], $5::int)"
DISPATCH = (
    "select * from signals.dispatch($1::smallint, $2::bigint[], $3::int[], $4::bigint[], $5::bigint[], $6::int[],"
    " $7::bigint[], $8::text[], $9::text[], $10::text[], $11::bigint[], $12::numeric[], $13::numeric[], $14::numeric[],"
    " $15::numeric[], $16::bigint[], $17::text[], $18::int[], $19::timestamptz[], $20::timestamptz[], $21::numeric[],"
    " $22::numeric[], $23::numeric[], $24::jsonb[])"
)
RESUME = "select * from signals.resume($1::smallint, $2::uuid, $3::bigint, $4::bigint)"
DELIVERIES = "select * from signals.deliveries($1::smallint, $2::bigint[], $3::bigint[], $4::boolean, $5::int)"
REPORT = (
    "select * from signals.report($1::smallint, $2::uuid[], $3::bigint[], $4::bigint[], $5::text[], $6::text[],"
    " $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[])"
)
NOTE_EQUITY = (
    "select * from signals.note_equity($1::smallint, $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[],"
    " $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[])"
)
RECONCILE = (
    "select * from signals.reconcile($1::smallint, $2::uuid, $3::bigint, $4::bigint, $5::bigint[], $6::bigint[],"
    " $7::bigint[], $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::text[])"
)
UPLOAD_SPECIFICATIONS = (
    "select * from signals.upload_specifications($1::smallint, $2::uuid, $3::bigint, $4::text[], $5::int[],"
    " $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::text[], $13::text[],"
    " $14::text[])"
)
RUN_DUE_JOB = "select ops.run_due_jobs(1)"
READ_METRICS = "select * from ops.read_metrics()"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """A timestamptz as the wire has it, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


class Opened(NamedTuple):
    """access.open_session; all but code and plane_time are None when it refuses."""

    code: str | None
    session_id: uuid.UUID
    lane: int
    account_id: int
    account: str
    purpose: str
    lease_ms: int
    plane_time: datetime


class StreamOpened(NamedTuple):
    """signals.open_stream; all but code and detail are None when it refuses."""

    code: str | None
    detail: str | None
    lane: int
    stream_id: int
    epoch: int
    last_seq: int
    ttl_ms: int


class Resynced(NamedTuple):
    """signals.resync; epoch and next_seq are None for an unknown stream."""

    code: str | None
    epoch: int | None
    next_seq: int | None
    decided_at: datetime


class Resumed(NamedTuple):
    """signals.resume; delivery_seq is the newest that exists. All but code and detail are None when it refuses."""

    code: str | None
    detail: str | None
    stream: str
    state: str
    delivery_seq: int
    portfolio_id: int
    mode: str


class Reconciled(NamedTuple):
    """signals.reconcile; all but code and detail are None when it refuses."""

    code: str | None
    detail: str | None
    settled: int
    differences: int
    delivery_seq: int


class Resolution(NamedTuple):
    """One row of signals.upload_specifications; without a master_symbol it says nothing but that it was done."""

    code: str | None
    detail: str | None
    master_symbol: str | None
    symbol: str | None
    reason: str | None


class Renewed(NamedTuple):
    """One row of access.renew_sessions; with a code the session is over."""

    session_id: uuid.UUID
    code: str | None
    plane_time: datetime


class Position(NamedTuple):
    """Up to where a stream was read."""

    stream_id: int
    epoch: int
    seq: int


async def open_session(
    link: "Link", *, token: str, instance: bytes, peer: IPv4Address | IPv6Address | None, gateway: str, client: str
) -> Opened:
    return Opened(*(await link.call(0, OPEN_SESSION, token, instance, peer, gateway, client))[0])


async def renew_sessions(
    link: "Link", gateway: str, sessions: Sequence[uuid.UUID], offsets_us: Sequence[int]
) -> list[Renewed]:
    return [Renewed(*row) for row in await link.call(0, RENEW_SESSIONS, gateway, sessions, offsets_us)]


async def close_session(link: "Link", session: uuid.UUID) -> None:
    await link.call(0, CLOSE_SESSION, session)


async def open_stream(link: "Link", session: uuid.UUID, name: str) -> StreamOpened:
    return StreamOpened(*(await link.call(0, OPEN_STREAM, session, name))[0])


async def resync(
    link: "Link", lane: int, session: uuid.UUID, intent: pb.ResyncIntent, *, payload: bytes, tag: bytes
) -> Resynced:
    """`payload` is `intent` as it was signed."""
    asked = (intent.stream_id, intent.epoch, intent.sent_at_us)
    return Resynced(*(await link.call(lane, RESYNC, lane, session, *asked, payload, tag))[0])


async def heads(link: "Link", lane: int) -> list[Position]:
    return [Position(*row) for row in await link.call(lane, HEADS, lane)]


async def routes(link: "Link", lane: int) -> list[tuple[int, Position]]:
    """(lane of the stream, how far it was dispatched into `lane`)."""
    return [(row[0], Position(*row[1:])) for row in await link.call(lane, ROUTES, lane)]


async def feed(link: "Link", lane: int, after: Iterable[Position], limit: int) -> list[Row]:
    return await link.call(lane, FEED, lane, *columns(after, 3), limit)


async def dispatch(link: "Link", lane: int, after: Iterable[Position], fed: Sequence[Row]) -> list[Row]:
    """`fed` are rows of feed, from `after` on; answers with deliveries."""
    return await link.call(lane, DISPATCH, lane, *columns(after, 3), *columns(fed, 20))


async def resume(link: "Link", lane: int, session: uuid.UUID, subscription_id: int, last: int) -> Resumed:
    return Resumed(*(await link.call(lane, RESUME, lane, session, subscription_id, last))[0])


async def reconcile(
    link: "Link", lane: int, session: uuid.UUID, subscription_id: int, last: int, holdings: Sequence[Sequence[Any]]
) -> Reconciled:
    """`holdings` as the columns that signals.reconcile takes."""
    return Reconciled(*(await link.call(lane, RECONCILE, lane, session, subscription_id, last, *holdings))[0])


async def upload_specifications(
    link: "Link", lane: int, session: uuid.UUID, portfolio_id: int, specifications: Sequence[Sequence[Any]]
) -> list[Resolution]:
    """`specifications` as columns; at least one row, and if there is a code, then in the first."""
    rows = await link.call(lane, UPLOAD_SPECIFICATIONS, lane, session, portfolio_id, *specifications)
    return [Resolution(*row) for row in rows]


async def deliveries(
    link: "Link", lane: int, after: Iterable[tuple[int, int]], limit: int, *, resend: bool
) -> list[Row]:
    """`after`: (subscription_id, delivery_seq); at most `limit` rows for each."""
    return await link.call(lane, DELIVERIES, lane, *columns(after, 2), resend, limit)


def columns(rows: Iterable[Row], width: int) -> list[list[Any]]:
    """Rows turned into parallel arrays."""
    rows = list(rows)
    return [[row[index] for row in rows] for index in range(width)]
