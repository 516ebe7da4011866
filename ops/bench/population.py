"""Streams, their followers and what they have done so far, made in bulk: what a bench needs before it can tell how cost
grows.

Who is there is made by the functions that operators call, many at a time. History is written straight into the tables,
as the plane would have left it, so that `ecp verify` and the audit chain find nothing wrong with it.
"""

from typing import Any, LiteralString

from psycopg import Connection
from psycopg.types.json import Jsonb

from ops.bench import market

MANY = 500
"""Made in one transaction: more of them would leave long chains of versions behind in the rows that they share."""
ROWS = 100_000
"""Of history, in one transaction."""
DECISIONS = 10_000_000
"""Of history at most: there is a decision, a report and half a copy for each signal until then."""

LOG_FILES = 32
"""As many as min_wal_size keeps."""

STREAMS: LiteralString = """
    select signals.create_stream(
        access.create_account('provider ' || n, array['provider']), 'growth-' || n, %s, 60000, 1000000, 1000000
    )
    from generate_series(%s::integer, %s) as n
"""
INSTRUMENTS: LiteralString = """
    select signals.define_instrument(s.stream_id, %s, 5, 0.01, 100, 0.01) from signals.streams as s
    where s.stream_id between %s and %s
"""
PLANS: LiteralString = (
    "select billing.write_plan(s.stream_id, %s, 'bench') from signals.streams as s where s.stream_id <= %s"
)
SUBSCRIPTIONS: LiteralString = """
    select signals.subscribe(access.create_account('subscriber ' || n, array['subscriber']), 1 + n %% %s, %s)
    from generate_series(%s::integer, %s) as n
"""
# Each with a wallet out of which it pays, and a broker that trades what its master does.
WALLETS: LiteralString = """
    select
        billing.open_wallet(s.account_id, 'USD'),
        billing.deposit(s.account_id, 'USD', 1000000, 'bench ' || s.account_id, 'bench'),
        billing.assign_plan(s.subscription_id, p.fee_plan_id, 'bench')
    from signals.subscriptions as s
    inner join billing.fee_plans as p on p.stream_id = s.stream_id
    where s.subscription_id between %s and %s
"""
SPECIFICATIONS: LiteralString = """
    insert into signals.specifications (
        lane, portfolio_id, symbol, digits, contract_size, volume_min, volume_max, volume_step, tick_size, tick_value,
        base_currency, profit_currency, trade_mode, uploaded_at
    )
    select s.lane, s.portfolio_id, %s, 5, 100000, 0.01, 100, 0.01, 0.00001, 1, 'EUR', 'USD', 'FULL', core.now()
    from signals.subscriptions as s
    where s.subscription_id between %s and %s
"""
RESOLUTIONS: LiteralString = """
    select signals.resolve_symbols(s.lane, s.portfolio_id)
    from signals.subscriptions as s
    where s.subscription_id between %s and %s
"""
# To open so many sessions is not what is measured.
PUBLISHERS: LiteralString = "update signals.stream_heads set session_id = gen_random_uuid()"
COPIERS: LiteralString = "update signals.subscription_heads set session_id = gen_random_uuid()"

# Openings and closes in turn over the last month, of every stream side by side.
SIGNALS: LiteralString = """
    with written as (
        insert into signals.signals (
            lane, stream_id, epoch, seq, verdict, action, symbol, side, position_id, volume, price, stop_loss,
            take_profit, magic, order_type, sent_at, received_at, payload, tag
        )
        select
            s.lane, s.stream_id, 1, n.seq, 'ACCEPTED', case when n.seq %% 2 = 1 then 'OPEN' else 'CLOSE' end,
            %(symbol)s, 'BUY', (n.seq + 1) / 2, 0.10, 1.07219, 1.06900, 1.07900, 0, 'MARKET', n.at,
            n.at + interval '2 milliseconds',
            p.payload, sha256(s.key_outer || sha256(s.key_inner || p.payload))
        from (
            select
                n as seq,
                core.now() - interval '30 days' * (1 - n::double precision / %(seqs)s) - interval '1 hour' as at
            from generate_series(%(first)s::bigint, %(last)s) as n
        ) as n
        inner join signals.streams as s on s.stream_id = any (%(streams)s)
        cross join lateral (
            select int8send(s.stream_id) || int8send(n.seq) || decode(repeat('5a', 56), 'hex') as payload
        ) as p
        order by n.seq, s.stream_id
    )
    update signals.stream_heads set last_seq = %(last)s, accepted_seq = %(last)s where stream_id = any (%(streams)s)
"""
# The last signal before its first.
BEFORE: LiteralString = "(%(before)s + h.subscription_id * 7919 %% %(spread)s / 2 * 2)"
DECIDED: LiteralString = f"""
    with told as materialized (
        select
            h.lane, h.subscription_id, s.stream_id, n.seq, n.seq - {BEFORE} as delivery_seq, n.at,
            n.seq %% 2 = 1 as opens
        from (
            select
                n as seq,
                core.now() - interval '30 days' * (1 - n::double precision / %(seqs)s) - interval '1 hour' as at
            from generate_series(%(first)s::bigint, %(last)s) as n
        ) as n
        cross join signals.subscription_heads as h
        inner join signals.subscriptions as s
            on s.subscription_id = h.subscription_id and s.stream_id = any (%(streams)s)
        where n.seq > {BEFORE}
    ), decided as (
        insert into signals.decisions (
            lane, subscription_id, stream_id, epoch, seq, delivery_seq, reason, action, symbol, side, position_id,
            volume, price, stop_loss, take_profit, magic, order_type, sent_at, expires_at, settings_version, inputs,
            decided_at, held_volume, ticket
        )
        select
            t.lane, t.subscription_id, t.stream_id, 1, t.seq, t.delivery_seq, 'COPIED',
            case when t.opens then 'OPEN' else 'CLOSE' end, %(symbol)s, 'BUY', (t.seq + 1) / 2,
            case when t.opens then 0.05 else 0 end, 1.07219,
            case when t.opens then 1.06900 end, case when t.opens then 1.07900 end, 0, 'MARKET', t.at,
            case when t.opens then t.at + interval '1 minute' end, 1,
            case when t.opens then jsonb_build_object(
                'mode', 'MULTIPLIER', 'master_volume', 0.10, 'multiplier', 0.5, 'numerator', 0.05, 'denominator', 1,
                'step', 0.01, 'minimum', 0.01, 'maximum', 100
            ) else '{{}}' end,
            t.at + interval '5 milliseconds', case when not t.opens then 0.05 end,
            case when not t.opens then (t.seq + 1) / 2 end
        from told as t
        order by t.seq, t.lane, t.subscription_id
    ), reported as (
        insert into signals.reports (
            lane, subscription_id, delivery_seq, status, ticket, price, volume, slippage, received_at, executed_at,
            reported_at
        )
        select
            t.lane, t.subscription_id, t.delivery_seq, 'EXECUTED', (t.seq + 1) / 2, 1.07219, 0.05, 0,
            t.at + interval '20 milliseconds', t.at + interval '60 milliseconds', t.at + interval '80 milliseconds'
        from told as t
        order by t.seq, t.lane, t.subscription_id
    ), copied as (
        insert into signals.copies (
            lane, subscription_id, stream_id, position_id, symbol, side, master_volume, opened_volume, target_volume,
            ticket, status, opened_at, changed_at, stop_loss, take_profit, closed_by, closing_seq
        )
        select
            t.lane, t.subscription_id, t.stream_id, (t.seq + 1) / 2, %(symbol)s, 'BUY', 0.10, 0.05, 0,
            (t.seq + 1) / 2, 'CLOSED', t.at, t.at, 1.06900, 1.07900, 'MASTER', t.delivery_seq
        from told as t
        where not t.opens
        order by t.seq, t.lane, t.subscription_id
    )
    update signals.subscription_heads as h
    set delivery_seq = greatest(0, %(last)s - {BEFORE}), acknowledged_seq = greatest(0, %(last)s - {BEFORE})
    from signals.subscriptions as s
    where s.subscription_id = h.subscription_id and s.stream_id = any (%(streams)s)
"""
SETTLED: LiteralString = """
    insert into signals.settlements (lane, subscription_id, settled_seq)
    select h.lane, h.subscription_id, h.delivery_seq
    from signals.subscription_heads as h
    inner join signals.subscriptions as s on s.subscription_id = h.subscription_id and s.stream_id = any (%(streams)s)
"""
STARTED: LiteralString = f"""
    update signals.subscriptions as h set started_seq = {BEFORE} where h.stream_id = any (%(streams)s)
"""
ARRIVED: LiteralString = """
    update signals.dispatch_cursors as c
    set seq = h.accepted_seq
    from signals.stream_heads as h
    where h.stream_id = c.stream_id and h.stream_id = any (%(streams)s)
"""


def streams(connection: Connection[Any], count: int) -> None:
    """`count` streams, each of its own provider."""
    for first, last in _pieces(count):
        connection.execute(STREAMS, [market.KEY, first, last])
        connection.execute(INSTRUMENTS, [market.SYMBOL, first, last])
    connection.execute(PUBLISHERS)


def subscriptions(connection: Connection[Any], count: int, *, followed: int) -> None:
    """`count` subscriptions, each of its own account, dealt over the first `followed` streams; all pay fees."""
    connection.execute(PLANS, [Jsonb(market.FEES), followed])
    for first, last in _pieces(count):
        connection.execute(SUBSCRIPTIONS, [followed, market.SETTINGS, first, last])
        connection.execute(WALLETS, [first, last])
        connection.execute(SPECIFICATIONS, [market.SYMBOL, first, last])
        connection.execute(RESOLUTIONS, [first, last])
    connection.execute(COPIERS)


def history(connection: Connection[Any], count: int) -> None:
    """`count` signals over all streams, and as many decisions of all subscriptions together, but no more than
    DECISIONS; sealed in blocks."""
    streams = [stream for (stream,) in connection.execute("select stream_id from signals.streams").fetchall()]
    ((followers,),) = connection.execute("select count(*) from signals.subscriptions").fetchall()
    # Every position that was opened is closed.
    seqs = count // len(streams) // 2 * 2
    told = min(seqs, min(count, DECISIONS) // followers // 2 * 2)
    _write(connection, streams, seqs, seqs - told, 1)


def past(connection: Connection[Any], stream: int, seqs: int) -> None:
    """`seqs` signals of a stream (even, for every position that was opened is closed), at each of which followers
    began: they are not all at the same place of their index pages, as if they had come in one second."""
    _write(connection, [stream], seqs, 0, seqs)


def settle(connection: Connection[Any]) -> None:
    """What a server that has run for a while has done by itself: its tables are vacuumed, and files of the log made in
    advance, which a commit would otherwise have to wait for."""
    connection.execute("vacuum (analyze)")
    ((may_switch,),) = connection.execute("select has_function_privilege('pg_switch_wal()', 'execute')").fetchall()
    if may_switch:
        for _ in range(LOG_FILES):
            connection.execute("select pg_logical_emit_message(false, 'bench', '')")
            connection.execute("select pg_switch_wal()")
        connection.execute("checkpoint")


def _write(connection: Connection[Any], streams: list[int], seqs: int, before: int, spread: int) -> None:
    ((followers,),) = connection.execute(
        "select count(*) from signals.subscriptions where stream_id = any (%s)", [streams]
    ).fetchall()
    given = {"symbol": market.SYMBOL, "streams": streams, "seqs": seqs, "before": before, "spread": spread}
    for query, start, rows in ((SIGNALS, 0, len(streams)), (DECIDED, before, followers)):
        for first in range(start + 1, seqs + 1, ROWS // rows):
            span = {"first": first, "last": min(seqs, first + ROWS // rows - 1)}
            connection.execute(query, given | span)
            connection.execute("select audit.seal()")
    for query in (SETTLED, STARTED, ARRIVED):
        connection.execute(query, given)


def _pieces(count: int) -> list[tuple[int, int]]:
    return [(first, min(count, first + MANY - 1)) for first in range(1, count + 1, MANY)]
