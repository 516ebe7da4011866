"""All the SQL of the HTTP API: one line a call, as gateway/calls.py has it for the TCP side."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

LAST = 2**63 - 1
LAST_EPOCH = 2**31 - 1


class Listing(NamedTuple):
    """What is read page by page. Arguments: those of the resource, the key after which to go on, and how many rows."""

    sql: str
    key: tuple[str, ...]
    """Columns that say where a row stands; with `by_time` the one that is its time."""
    start: tuple[Any, ...]
    """What is before the first row."""
    by_time: bool = False
    """Rows have no key of their own but their time, newest first: a cursor is a time, and how many of it were seen."""


END_OF_TIME = (datetime.max.replace(tzinfo=UTC), 0)

EXCHANGE_LICENSE = "select * from access.exchange_license($1::text, $2::text, $3::inet)"
REFRESH = "select * from access.refresh($1::text, $2::inet)"
REVOKE_TOKENS = "select access.revoke_tokens($1::text)"
RIGHTS = "select access.rights($1::text[])"
ADMIT = "select * from access.admit($1::text, $2::inet)"
BECOME = "select set_config('role', $1::text, true)"
BEGIN_REQUEST = "select * from access.begin_request($1::text, $2::bytea)"
END_REQUEST = "select access.end_request($1::text, $2::smallint, $3::text)"
STOP_AFTER = "select set_config('statement_timeout', $1::text, true)"

ACCOUNTS = Listing(
    "select * from analytics.accounts where account_id > $1 order by account_id limit $2", ("account_id",), (0,)
)
ACCOUNT = "select * from analytics.accounts where account_id = $1"
CREATE_ACCOUNT = "select access.create_account($1::text, $2::text[]) as account_id"
SET_ACCOUNT_STATUS = "select access.set_account_status($1::bigint, $2::text, $3::text, $4::text)"
LICENSES = Listing(
    "select * from analytics.licenses where license_id > $1::uuid order by license_id limit $2",
    ("license_id",),
    ("00000000-0000-0000-0000-000000000000",),
)
ISSUE_LICENSE = "select * from access.issue_license($1::bigint, $2::text, $3::cidr[], $4::interval)"
ROTATE_LICENSE = "select * from access.rotate_license($1::uuid, $2::interval)"
REVOKE_LICENSE = "select access.revoke_license($1::uuid, $2::text, $3::text)"

STREAMS = Listing(
    "select * from analytics.streams where stream_id > $1 order by stream_id limit $2", ("stream_id",), (0,)
)
STREAM = "select * from analytics.streams where stream_id = $1"
CREATE_STREAM = "select signals.create_stream($1::bigint, $2::text, $3::bytea, $4::int, $5::int, $6::int) as stream_id"
DEFINE_INSTRUMENT = (
    "select signals.define_instrument($1::bigint, $2::text, $3::int, $4::numeric, $5::numeric, $6::numeric,"
    " $7::numeric)"
)
SIGNALS = Listing(
    "select * from analytics.signals where stream_id = $1 and (epoch, seq) < ($2, $3)"
    " order by epoch desc, seq desc limit $4",
    ("epoch", "seq"),
    (LAST_EPOCH, LAST),
)

SUBSCRIPTIONS = Listing(
    "select * from analytics.subscriptions where subscription_id > $1 order by subscription_id limit $2",
    ("subscription_id",),
    (0,),
)
SUBSCRIPTION = "select * from analytics.subscriptions where subscription_id = $1"
SUBSCRIBE = "select signals.subscribe($1::bigint, $2::bigint, $3::jsonb, $4::bigint) as subscription_id"
WRITE_SETTINGS = "select signals.write_settings($1::bigint, $2::jsonb, $3::text) as settings_version"
TRANSITION = "select signals.transition($1::bigint, $2::text, $3::text) as state"
DECISIONS = Listing(
    "select * from analytics.decisions where subscription_id = $1 and (epoch, seq, part) < ($2, $3, $4)"
    " order by epoch desc, seq desc, part desc limit $5",
    ("epoch", "seq", "part"),
    (LAST_EPOCH, LAST, LAST_EPOCH),
)
EXPLAIN = "select * from signals.explain($1::bigint, $2::int, $3::bigint)"
EXPLAIN_DELIVERY = "select * from signals.explain_delivery($1::bigint, $2::bigint)"
WHAT_IF = (
    "select * from signals.what_if($1::bigint, $2::jsonb, coalesce($3, core.now() - interval '1 day'),"
    " coalesce($4::timestamptz, core.now())) limit $5"
)
STATE_CHANGES = Listing(
    "select * from analytics.state_changes where subscription_id = $1 and occurred_at <= $2"
    " order by occurred_at desc, from_state, cause offset $3 limit $4",
    ("occurred_at",),
    END_OF_TIME,
    by_time=True,
)

WALLETS = Listing(
    "select * from analytics.balances where ledger_account_id > $1 order by ledger_account_id limit $2",
    ("ledger_account_id",),
    (0,),
)
OPEN_WALLET = "select billing.open_wallet($1::bigint, $2::text) as ledger_account_id"
STATEMENT = Listing(
    "select * from billing.statement($1::bigint, $2::text, coalesce($3, date_trunc('month', core.now(), 'UTC')),"
    " coalesce($4, core.now()), $5::text) where line > $6 order by line limit $7",
    ("line",),
    (-1,),
)
DEPOSIT = "select billing.deposit($1::bigint, $2::text, $3::numeric, $4::text, $5::text) as transfer_id"
WITHDRAW = "select billing.withdraw($1::bigint, $2::text, $3::numeric, $4::text, $5::text, $6::text) as transfer_id"

PROTECTION_EVENTS = Listing(
    "select * from analytics.protection_events where occurred_at <= $1"
    " order by occurred_at desc, code, stream_id, subscription_id, epoch, seq offset $2 limit $3",
    ("occurred_at",),
    END_OF_TIME,
    by_time=True,
)
NOTE_EVENT = "select signals.note_event($1::bigint, $2::text, $3::bigint, $4::jsonb)"

TRUST = "select * from trust.report($1::bigint)"
TRUST_SCORES = "select * from analytics.trust order by score, account, role limit 500"
RESET_TRUST = "select trust.reset($1::bigint, $2::text, $3::int, $4::text, $5::text)"

LIVE = "select * from ops.live"
HALTS = "select * from ops.halts order by since, scope, subject"
HALT = "select signals.halt($1::text, $2::text, $3::text, $4::text)"
LIFT_HALT = "select signals.lift_halt($1::text, $2::text, $3::text, $4::text) as lifted"
JOBS = "select * from ops.job_states order by name"
ALARMS = "select * from ops.alarms order by alarm, subject"
TRAIL = Listing(
    "select * from audit.trail where occurred_at <= $1 order by occurred_at desc, xact desc, kind, subject::text"
    " offset $2 limit $3",
    ("occurred_at",),
    END_OF_TIME,
    by_time=True,
)
HEAD = "select number, encode(hash, 'hex') as hash, sealed_at from audit.head()"
VERIFY_CHAIN = "select * from audit.verify($1::bigint, decode($2::text, 'hex')) limit $3"
