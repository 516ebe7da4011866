"""The plane as its clients see it: set up by the operator, called by the gateway, under a clock that stands still.

Prices and volumes are written as text ("0.10") and travel as integers of 1e-8; an integer is taken as it is.
"""

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, LiteralString, NamedTuple, Self
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import class_row, dict_row

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
KEY = bytes(range(32))

# The clock is a row, so that every session of the test sees the same time and nothing has to be planned again.
CLOCK = """
    create table public.clock (at timestamptz not null);
    grant select on public.clock to public;
    insert into public.clock values ('{start}');
    create or replace function core.now() returns timestamptz language sql volatile parallel safe
    as $$ select at from public.clock $$;
"""

# Every table but those whose rows a migration writes.
TABLES: LiteralString = """
    select c.oid::regclass::text
    from pg_class as c
    where c.relkind in ('r', 'p') and not c.relispartition
        and c.relnamespace::regnamespace::text in ('access', 'signals')
        and c.relname not in ('actions', 'subscription_states', 'subscription_transitions')
"""

INGEST: LiteralString = """
    select * from signals.ingest(
        %s::smallint, %s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[],
        %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[],
        %s::text[]::jsonb[], %s::bigint[], %s::bytea[], %s::bytea[], %s::bigint[], %s::bigint[])
"""
FEED: LiteralString = "select * from signals.feed(%s::smallint, %s::bigint[], %s::integer[], %s::bigint[], %s::integer)"
DISPATCH: LiteralString = """
    select * from signals.dispatch(
        %s::smallint, %s::bigint[], %s::integer[], %s::bigint[], %s::bigint[], %s::integer[], %s::bigint[], %s::text[],
        %s::text[], %s::text[], %s::bigint[], %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[], %s::bigint[],
        %s::text[], %s::integer[], %s::timestamptz[], %s::timestamptz[], %s::numeric[], %s::numeric[], %s::numeric[],
        %s::text[]::jsonb[])
"""
DELIVERIES: LiteralString = (
    "select * from signals.deliveries(%s::smallint, %s::bigint[], %s::bigint[], %s::boolean, %s::integer)"
)
REPORT: LiteralString = """
    select * from signals.report(
        %s::smallint, %s::uuid[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::bigint[],
        %s::bigint[], %s::bigint[], %s::bigint[])
"""
NOTE_EQUITY: LiteralString = """
    select * from signals.note_equity(
        %s::smallint, %s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
        %s::bigint[])
"""
RECONCILE: LiteralString = """
    select * from signals.reconcile(
        %s::smallint, %s::uuid, %s::bigint, %s::bigint, %s::bigint[], %s::bigint[], %s::bigint[], %s::text[],
        %s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[])
"""
UPLOAD: LiteralString = """
    select * from signals.upload_specifications(
        %s::smallint, %s::uuid, %s::bigint, %s::text[], %s::integer[], %s::bigint[], %s::bigint[], %s::bigint[],
        %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[])
"""


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


def e8(value: str | int | None) -> int | None:
    return int(Decimal(value).scaleb(8)) if isinstance(value, str) else value


def microseconds(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def sign(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


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


class Plane:
    """A deployed database, its clock, and a session for each who calls it."""

    def __init__(self, url: str, *, start: datetime = START) -> None:
        self.url = url
        self.admin = psycopg.connect(url, autocommit=True)
        if self.admin.execute("select to_regclass('public.clock') is null").fetchone() == (True,):
            self.admin.execute(CLOCK.format(start=start.isoformat()).encode())
        self.operator = self.connect("ecp_operator")
        self.gateway = self.connect("ecp_gateway")
        self._names = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in (self.admin, self.operator, self.gateway):
            connection.close()

    def reset(self) -> None:
        """Forget everything that was set up and done; what the migrations wrote stays."""
        with self.admin.transaction():
            self.admin.execute("set local session_replication_role = replica")
            self.admin.execute("; ".join(f"delete from {table}" for table in self.rows(TABLES)).encode())
        self.admin.execute("update core.kill_switch set halted = false, reason = null, actor = null")
        self.set_clock(START)

    def connect(self, role: LiteralString) -> Connection[Any]:
        """Another session that may do what this role may."""
        connection = psycopg.connect(self.url, autocommit=True)
        connection.execute(f"set role {role}")
        return connection

    def value(self, query: LiteralString, *parameters: Any) -> Any:
        """The first column of the first row, as superuser."""
        row = self.admin.execute(query, parameters).fetchone()
        assert row is not None
        return row[0]

    def rows(self, query: LiteralString, *parameters: Any) -> list[Any]:
        """Rows as superuser; of one column, its values."""
        rows = self.admin.execute(query, parameters).fetchall()
        return [row[0] if len(row) == 1 else row for row in rows]

    def record(self, query: LiteralString, *parameters: Any) -> dict[str, Any]:
        """The one row that there must be, by column name, as superuser."""
        found = self.admin.cursor(row_factory=dict_row).execute(query, parameters).fetchall()
        assert len(found) == 1, found
        return found[0]

    # Time

    @property
    def now(self) -> datetime:
        found: datetime = self.value("select at from public.clock")
        return found

    def set_clock(self, at: datetime) -> None:
        self.admin.execute("update public.clock set at = %s", [at])

    def tick(self, **duration: float) -> None:
        """Let time pass, or go back: tick(milliseconds=500)."""
        self.admin.execute("update public.clock set at = at + %s", [timedelta(**duration)])

    # Set-up, as the operator

    def name(self, kind: str) -> str:
        self._names += 1
        return f"{kind}-{self._names}"

    def account(self, *roles: str, lane: int | None = None, name: str | None = None) -> int:
        found = self.operator.execute(
            "select access.create_account(%s, %s, %s::smallint)",
            [name or self.name("account"), list(roles or ("provider", "subscriber")), lane],
        ).fetchone()
        assert found
        return int(found[0])

    def license(self, account: int, purpose: str, *networks: str, life: timedelta = timedelta(days=30)) -> License:
        found = (
            self.operator.cursor(row_factory=class_row(License))
            .execute(
                "select * from access.issue_license(%s, %s, %s::cidr[], %s)",
                [account, purpose, list(networks) or None, life],
            )
            .fetchone()
        )
        assert found
        return found

    def master(self, *, lane: int | None = None, ttl_ms: int = 500, rate: int = 100, burst: int = 100) -> "Master":
        """A provider with a stream of EURUSD, opened by a live session."""
        account = self.account("provider", lane=lane)
        name = self.name("stream")
        created = self.operator.execute(
            "select signals.create_stream(%s, %s, %s, %s, %s, %s, %s::smallint)",
            [account, name, KEY, ttl_ms, rate, burst, lane],
        ).fetchone()
        assert created
        self.define(created[0], "EURUSD")
        master = Master(
            plane=self,
            account=account,
            stream=created[0],
            name=name,
            lane=self.value("select lane from signals.streams where stream_id = %s", created[0]),
            license=self.license(account, "publish"),
        )
        master.connect()
        return master

    def define(
        self, stream: int, symbol: str, *, digits: int = 5, least: str = "0.01", most: str = "50", step: str = "0.01"
    ) -> None:
        self.operator.execute(
            "select signals.define_instrument(%s, %s, %s, %s, %s, %s)",
            [stream, symbol, digits, Decimal(least), Decimal(most), Decimal(step)],
        )

    def copier(
        self,
        master: "Master",
        *,
        lane: int | None = None,
        account: int | None = None,
        portfolio: int | None = None,
        **settings: Any,
    ) -> "Copier":
        """A subscriber to the master's stream, resumed by a live session. Settings as signals.write_settings has."""
        account = account or self.account("subscriber", lane=lane)
        subscription = self.subscribe(account, master.stream, portfolio=portfolio, **settings)
        copier = Copier(
            plane=self,
            account=account,
            subscription=subscription,
            lane=self.value("select lane from signals.subscriptions where subscription_id = %s", subscription),
            license=self.license(account, "subscribe"),
        )
        copier.connect()
        return copier

    def subscribe(self, account: int, stream: int, *, portfolio: int | None = None, **settings: Any) -> int:
        row = self.operator.execute(
            "select signals.subscribe(%s, %s, %s, %s)", [account, stream, json.dumps(settings), portfolio]
        ).fetchone()
        assert row
        return int(row[0])

    def write_settings(self, subscription: int, **settings: Any) -> int:
        row = self.operator.execute(
            "select signals.write_settings(%s, %s)", [subscription, json.dumps(settings)]
        ).fetchone()
        assert row
        return int(row[0])

    def portfolio(self, account: int, name: str = "second", mode: str = "HEDGING", currency: str | None = None) -> int:
        row = self.operator.execute(
            "select signals.create_portfolio(%s, %s, %s, %s)", [account, name, mode, currency]
        ).fetchone()
        assert row
        return int(row[0])

    def map_symbol(self, portfolio: int, master_symbol: str | None, symbol: str | None) -> None:
        self.operator.execute("select signals.map_symbol(%s, %s, %s)", [portfolio, master_symbol, symbol])

    def transition(self, subscription: int, cause: str, actor: str = "a test") -> str:
        row = self.operator.execute("select signals.transition(%s, %s, %s)", [subscription, cause, actor]).fetchone()
        assert row
        return str(row[0])

    def halt(self, stream: int | None, *, lift: bool = False) -> None:
        self.operator.execute("select signals.halt(%s, %s, %s, %s)", [stream, "a drill", "a test", lift])

    # Calls of the gateway

    def open_session(
        self,
        token: str,
        instance: bytes = b"instance-0000001",
        peer: str = "192.0.2.10",
        connection: Connection[Any] | None = None,
    ) -> Session:
        found = (
            (connection or self.gateway)
            .cursor(row_factory=class_row(Session))
            .execute(
                "select * from access.open_session(%s, %s, %s::inet, 'gateway-1', 'test/1')", [token, instance, peer]
            )
            .fetchall()
        )
        assert len(found) == 1
        return found[0]

    def ingest(self, signals: Sequence[Signal], connection: Connection[Any] | None = None) -> list[Verdict]:
        """Signals of one lane, in one batch."""
        (lane,) = {signal.lane for signal in signals}
        rows = (connection or self.gateway).execute(
            INGEST,
            [
                lane,
                [s.session for s in signals],
                [s.stream for s in signals],
                [s.epoch for s in signals],
                [s.seq for s in signals],
                [s.action for s in signals],
                [s.symbol for s in signals],
                [s.side for s in signals],
                [s.position for s in signals],
                [e8(s.volume) for s in signals],
                [e8(s.price) for s in signals],
                [e8(s.stop_loss) for s in signals],
                [e8(s.take_profit) for s in signals],
                [s.magic for s in signals],
                [s.order_type for s in signals],
                [s.book for s in signals],
                [s.sent_us for s in signals],
                [s.payload for s in signals],
                [s.tag for s in signals],
                [e8(s.balance) for s in signals],
                [e8(s.equity) for s in signals],
            ],
        )
        verdicts = [Verdict(*row) for row in rows]
        assert [verdict.ord for verdict in verdicts] == list(range(1, len(signals) + 1))
        return verdicts

    def routes(self, lane: int, connection: Connection[Any] | None = None) -> list[Position]:
        rows = (connection or self.gateway).execute("select * from signals.routes(%s::smallint)", [lane])
        return sorted(Position(*row) for row in rows)

    def feed(
        self, positions: Sequence[Position], limit: int = 1000, connection: Connection[Any] | None = None
    ) -> list[tuple[Any, ...]]:
        """Accepted signals of one stream lane after these positions."""
        (lane,) = {position.stream_lane for position in positions}
        columns = [list(column) for column in zip(*((p.stream_id, p.epoch, p.seq) for p in positions), strict=True)]
        return (connection or self.gateway).execute(FEED, [lane, *columns, limit]).fetchall()

    def dispatch(
        self,
        lane: int,
        positions: Sequence[Position],
        fed: Sequence[tuple[Any, ...]],
        connection: Connection[Any] | None = None,
    ) -> list[Delivery]:
        start = [[getattr(position, name) for position in positions] for name in ("stream_id", "epoch", "seq")]
        columns = [[row[column] for row in fed] for column in range(19)]
        books = [json.dumps(row[19]) if row[19] is not None else None for row in fed]
        cursor = (connection or self.gateway).cursor(row_factory=class_row(Delivery))
        return cursor.execute(DISPATCH, [lane, *start, *columns, books]).fetchall()

    def pump(self, lane: int, limit: int = 1000, connection: Connection[Any] | None = None) -> list[Delivery]:
        """Dispatch everything that waits for the subscribers of a lane, `limit` signals at a time."""
        done: list[Delivery] = []
        for stream_lane in {position.stream_lane for position in self.routes(lane, connection)}:
            while True:
                positions = [p for p in self.routes(lane, connection) if p.stream_lane == stream_lane]
                fed = self.feed(positions, limit, connection)
                if not fed:
                    break
                done += self.dispatch(lane, positions, fed, connection)
        return done

    def deliveries(
        self,
        copiers: Iterable["Copier"],
        after: int = 0,
        *,
        resend: bool = True,
        limit: int = 1000,
        connection: Connection[Any] | None = None,
    ) -> list[Delivery]:
        asked = list(copiers)
        (lane,) = {copier.lane for copier in asked}
        subscriptions = [copier.subscription for copier in asked]
        cursor = (connection or self.gateway).cursor(row_factory=class_row(Delivery))
        return cursor.execute(DELIVERIES, [lane, subscriptions, [after] * len(asked), resend, limit]).fetchall()

    def report(self, reports: Sequence[Report], connection: Connection[Any] | None = None) -> list[ReportVerdict]:
        """Reports of one lane, in one batch."""
        (lane,) = {report.lane for report in reports}
        rows = (connection or self.gateway).execute(
            REPORT,
            [
                lane,
                [r.session for r in reports],
                [r.subscription for r in reports],
                [r.delivery for r in reports],
                [r.status for r in reports],
                [r.code for r in reports],
                [r.ticket for r in reports],
                [e8(r.price) for r in reports],
                [e8(r.volume) for r in reports],
                [r.received_us for r in reports],
                [r.executed_us for r in reports],
            ],
        )
        verdicts = [ReportVerdict(*row) for row in rows]
        assert [verdict.ord for verdict in verdicts] == list(range(1, len(reports) + 1))
        return verdicts

    def note_equity(self, beats: Sequence[Heartbeat], connection: Connection[Any] | None = None) -> list[str | None]:
        """Heartbeats of one lane, in one batch; the code of each."""
        (lane,) = {beat.lane for beat in beats}
        rows = (
            (connection or self.gateway)
            .execute(
                NOTE_EQUITY,
                [
                    lane,
                    [b.session for b in beats],
                    [b.portfolio for b in beats],
                    [e8(b.balance) for b in beats],
                    [e8(b.equity) for b in beats],
                    [b.broker_us for b in beats],
                    [b.subscription for b in beats],
                    [b.processed for b in beats],
                    [e8(b.profit) for b in beats],
                ],
            )
            .fetchall()
        )
        assert [place for place, _ in rows] == list(range(1, len(beats) + 1))
        return [code for _, code in rows]

    # Protections and schedule, as the operator

    def protect(
        self,
        portfolio: int,
        kind: str | None,
        threshold: str | None,
        unit: str | None = "MONEY",
        action: str | None = "CLOSE_ONLY",
        subscription: int | None = None,
    ) -> int:
        row = self.operator.execute(
            "select signals.protect(%s, %s, %s, %s, %s, %s)",
            [portfolio, kind, None if threshold is None else Decimal(threshold), unit, action, subscription],
        ).fetchone()
        assert row
        return int(row[0])

    def lift_protection(self, protection: int, actor: str | None = "a test", reason: str | None = "a drill") -> None:
        self.operator.execute("select signals.lift_protection(%s, %s, %s)", [protection, actor, reason])

    def remove_protection(self, protection: int, actor: str | None = "a test") -> None:
        self.operator.execute("select signals.remove_protection(%s, %s)", [protection, actor])

    def news(self, at: datetime, currency: str = "EUR", impact: str = "HIGH") -> int:
        row = self.operator.execute(
            "select signals.schedule_news(%s, %s, %s, 'a rate decision')", [currency, at, impact]
        )
        return int((row.fetchone() or [0])[0])

    def escalate(self) -> str | None:
        result: str | None = self.value("select signals.escalate()")
        return result

    def find_drift(self) -> str | None:
        result: str | None = self.value("select signals.find_drift()")
        return result

    # What is to be seen

    def book(self, lane: int, stream: int) -> dict[int, dict[str, Any]]:
        """The master's open positions as a lane of followers has them, by position."""
        cursor = self.admin.cursor(row_factory=dict_row)
        rows = cursor.execute("select * from signals.positions where lane = %s and stream_id = %s", [lane, stream])
        return {row["position_id"]: row for row in rows}

    def differences(self, **matching: Any) -> list[tuple[str, int | None]]:
        """What snapshots found otherwise, in the order in which it was found."""
        where = " and ".join(["true", *(f"{column} = %({column})s" for column in matching)])
        query = f"select kind, position_id from signals.differences where {where} order by difference_id".encode()
        return self.admin.execute(query, matching).fetchall()

    def overdue(self) -> list[tuple[int, str, str, int | None]]:
        """Deliveries that wait for their answer: number, action, state, and how far each was escalated."""
        query = "select delivery_seq, action, state, level from signals.overdue order by subscription_id, delivery_seq"
        return self.operator.execute(query.encode()).fetchall()

    def verify(self) -> dict[str, str]:
        """The checks of ops.verify that do not hold, with what they say."""
        return dict(self.operator.execute("select name, detail from ops.verify() where not ok").fetchall())

    def explain(self, subscription: int, seq: int, epoch: int = 1) -> dict[str, Any]:
        cursor = self.operator.cursor(row_factory=dict_row)
        found = cursor.execute("select * from signals.explain(%s, %s, %s)", [subscription, epoch, seq]).fetchall()
        assert len(found) == 1
        return found[0]

    def events(self, **matching: Any) -> list[str]:
        """Codes of the protection events, in order of time and code."""
        where = " and ".join(["true", *(f"{column} = %({column})s" for column in matching)])
        rows = self.admin.execute(
            f"select code from signals.protection_events where {where} order by occurred_at, code, seq".encode(),
            matching,
        )
        return [code for (code,) in rows]


@dataclass
class Master:
    """A provider's terminal: one stream, one session, a counter."""

    plane: Plane
    account: int
    stream: int
    name: str
    lane: int
    license: License
    session: UUID | None = None
    epoch: int = 1
    seq: int = 0
    position: int = field(default=0)

    def connect(self, instance: bytes = b"master-instance0") -> UUID:
        session = self.plane.open_session(self.license.token, instance)
        assert session.code is None, session
        self.session = session.session_id
        opened = self.open_stream()
        assert opened["code"] is None, opened
        return session.session_id

    def open_stream(self, session: UUID | None = None, name: str | None = None) -> dict[str, Any]:
        found = (
            self.plane.gateway.cursor(row_factory=dict_row)
            .execute(
                "select * from signals.open_stream(%s, %s)",
                [session or self.session, self.name if name is None else name],
            )
            .fetchone()
        )
        assert found
        return found

    def signal(self, action: str, position: int | None = None, **changes: Any) -> Signal:
        """The next signal of the stream, numbered and stamped; `seq` in changes makes another one."""
        if "seq" not in changes:
            self.seq += 1
        if position is None and action in ("OPEN", "PLACE"):
            self.position += 1
        if action == "PLACE":
            changes.setdefault("order_type", "LIMIT")
        base = Signal(
            lane=self.lane,
            session=self.session,
            stream=self.stream,
            key=KEY,
            epoch=self.epoch,
            seq=self.seq,
            action=action,
            position=self.position if position is None else position,
            sent_us=microseconds(self.plane.now),
        )
        return base.but(**changes)

    def send(self, *signals: Signal) -> list[Verdict]:
        return self.plane.ingest(signals)

    def does(self, action: str, position: int | None = None, **changes: Any) -> Verdict:
        """Signal this, and nothing but it, now."""
        return self.send(self.signal(action, position, **changes))[0]

    def snapshot(self, *positions: dict[str, Any], **changes: Any) -> Verdict:
        """Signal that the open book is this and nothing else."""
        return self.does(
            "SNAPSHOT", 0, book=json.dumps(positions), symbol=None, side=None, volume=0, price=0, **changes
        )

    def resync(self, epoch: int, **changes: Any) -> dict[str, Any]:
        intent = f"resync {self.stream} {epoch}".encode()
        given: dict[str, Any] = {
            "lane": self.lane,
            "session": self.session,
            "stream": self.stream,
            "epoch": epoch,
            "sent_us": microseconds(self.plane.now),
            "intent": intent,
            "tag": sign(KEY, intent),
        } | changes
        found = (
            self.plane.gateway.cursor(row_factory=dict_row)
            .execute(
                "select * from signals.resync(%(lane)s::smallint, %(session)s, %(stream)s, %(epoch)s, %(sent_us)s,"
                " %(intent)s, %(tag)s)",
                given,
            )
            .fetchone()
        )
        assert found
        if found["code"] is None:
            self.epoch, self.seq = epoch, 0
        return found


@dataclass
class Copier:
    """A subscriber's terminal: one subscription, one session."""

    plane: Plane
    account: int
    subscription: int
    lane: int
    license: License
    session: UUID | None = None

    def connect(self, last: int = 0, instance: bytes = b"copier-instance0") -> UUID:
        session = self.plane.open_session(self.license.token, instance)
        assert session.code is None, session
        self.session = session.session_id
        resumed = self.resume(last)
        assert resumed["code"] is None, resumed
        return session.session_id

    def resume(self, last: int | None = 0, **changes: Any) -> dict[str, Any]:
        given: dict[str, Any] = {
            "lane": self.lane,
            "session": self.session,
            "subscription": self.subscription,
            "last": last,
        } | changes
        found = (
            self.plane.gateway.cursor(row_factory=dict_row)
            .execute(
                "select * from signals.resume(%(lane)s::smallint, %(session)s, %(subscription)s, %(last)s::bigint)",
                given,
            )
            .fetchone()
        )
        assert found
        return found

    @property
    def portfolio(self) -> int:
        found: int = self.plane.value(
            "select portfolio_id from signals.subscriptions where subscription_id = %s", self.subscription
        )
        return found

    def uploads(self, *specifications: Specification | str, **changes: Any) -> list[dict[str, Any]]:
        """The broker trades these and nothing else; a bare name is a symbol like any other."""
        listed = [Specification(each) if isinstance(each, str) else each for each in specifications]
        given: dict[str, Any] = {"lane": self.lane, "session": self.session, "portfolio": self.portfolio} | changes
        return (
            self.plane.gateway.cursor(row_factory=dict_row)
            .execute(
                UPLOAD,
                [
                    *given.values(),
                    [s.symbol for s in listed],
                    [s.digits for s in listed],
                    [e8(s.contract_size) for s in listed],
                    [e8(s.volume_min) for s in listed],
                    [e8(s.volume_max) for s in listed],
                    [e8(s.volume_step) for s in listed],
                    [e8(s.tick_size) for s in listed],
                    [e8(s.tick_value) for s in listed],
                    [s.base_currency for s in listed],
                    [s.profit_currency for s in listed],
                    [s.trade_mode for s in listed],
                ],
            )
            .fetchall()
        )

    def receives(self) -> list[Delivery]:
        """What dispatch decides now for this subscription."""
        return [each for each in self.plane.pump(self.lane) if each.subscription_id == self.subscription]

    @property
    def newest(self) -> int:
        """The number of the newest delivery."""
        found: int = self.plane.value(
            "select delivery_seq from signals.subscription_heads where subscription_id = %s", self.subscription
        )
        return found

    def is_shown(self) -> list[Delivery]:
        """What the clock finds to do for this subscription once a snapshot that differs has been dispatched."""
        assert self.receives() == []
        before = self.newest
        self.plane.find_drift()
        return self.plane.deliveries([self], before, resend=False)

    def catches_up(self, cause: str = "a test") -> list[Delivery]:
        """What catch-up finds to do now, as it is delivered."""
        before = self.newest
        count = self.plane.value("select signals.catch_up(%s::smallint, %s, %s)", self.lane, [self.subscription], cause)
        found = self.plane.deliveries([self], before, resend=False)
        assert len(found) == count
        return found

    def books(
        self, *holdings: Holding, last: int | None = None, connection: Connection[Any] | None = None, **changes: Any
    ) -> dict[str, Any]:
        """The terminal sends its book, as of the newest delivery unless another is said."""
        given: dict[str, Any] = {
            "lane": self.lane,
            "session": self.session,
            "subscription": self.subscription,
            "last": self.newest if last is None else last,
        } | changes
        found = (
            (connection or self.plane.gateway)
            .cursor(row_factory=dict_row)
            .execute(
                RECONCILE,
                [
                    *given.values(),
                    [h.ticket for h in holdings],
                    [h.position for h in holdings],
                    [h.delivery for h in holdings],
                    [h.symbol for h in holdings],
                    [h.side for h in holdings],
                    [e8(h.volume) for h in holdings],
                    [e8(h.price) for h in holdings],
                    [e8(h.stop_loss) for h in holdings],
                    [e8(h.take_profit) for h in holdings],
                    [h.order_type for h in holdings],
                ],
            )
            .fetchone()
        )
        assert found
        return found

    def beat(self, equity: str = "10000", **changes: Any) -> Heartbeat:
        now = microseconds(self.plane.now)
        base = Heartbeat(self.lane, self.session, self.portfolio, equity=equity, broker_us=now)
        return base.but(**changes)

    def beats(self, equity: str = "10000", **changes: Any) -> str | None:
        """The account is worth this now."""
        return self.plane.note_equity([self.beat(equity, **changes)])[0]

    def report(self, delivery: int, status: str = "EXECUTED", **changes: Any) -> Report:
        base = Report(self.lane, self.session, self.subscription, delivery, status)
        if status != "EXECUTED":
            base = base.but(code="TRG04", ticket=0, price=0, volume=0)
        return base.but(**changes)

    def reports(self, delivery: int, status: str = "EXECUTED", **changes: Any) -> ReportVerdict:
        return self.plane.report([self.report(delivery, status, **changes)])[0]

    def copy(self, position: int = 1) -> dict[str, Any]:
        return self.plane.record(
            "select * from signals.copies where subscription_id = %s and position_id = %s", self.subscription, position
        )

    def holds(self) -> dict[int, Decimal]:
        """What the plane takes the follower to hold of each position of the master."""
        return dict(
            self.plane.rows(
                "select position_id, held_volume from signals.copies where subscription_id = %s and held_volume <> 0",
                self.subscription,
            )
        )

    def status(self, position: int = 1) -> str:
        found: str = self.copy(position)["status"]
        return found

    def reasons(self) -> list[str]:
        """Why each signal was copied or not, in the order of the stream."""
        return self.plane.rows(
            "select reason from signals.decisions where subscription_id = %s order by epoch, seq, part",
            self.subscription,
        )


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


def digest(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()


def run_together(*works: Callable[[], object]) -> None:
    """Run these in threads of their own, begun at one moment; the first error is raised here."""
    barrier = threading.Barrier(len(works))
    errors: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        barrier.wait()
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
