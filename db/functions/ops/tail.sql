-- A cursor that is a snapshot misses nothing and repeats nothing, in whatever order transactions commit. The new one is
-- pg_current_snapshot(), in the same repeatable read transaction.
create or replace function ops.tail(p_since pg_snapshot, p_stream bigint default null)
returns table (
  kind text, at timestamptz, stream_id bigint, subscription_id bigint, epoch integer, seq bigint, outcome text, code text,
  action text, symbol text, side text, volume numeric, price numeric
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
  select
    'SIGNAL', s.received_at, s.stream_id, null::bigint, s.epoch, s.seq, s.verdict, s.code, s.action, s.symbol, s.side,
    trim_scale(s.volume), trim_scale(s.price)
  from signals.signals as s
  where s.xact >= pg_snapshot_xmin(p_since)::text::bigint and not pg_visible_in_snapshot(s.xact::text::xid8, p_since)
    and s.stream_id = coalesce(p_stream, s.stream_id)
  union all
  select
    'DECISION', d.decided_at, d.stream_id, d.subscription_id, d.epoch, d.seq, d.reason, null, d.action, d.symbol, d.side,
    trim_scale(d.volume), trim_scale(d.price)
  from signals.decisions as d
  where d.xact >= pg_snapshot_xmin(p_since)::text::bigint and not pg_visible_in_snapshot(d.xact::text::xid8, p_since)
    and d.stream_id = coalesce(p_stream, d.stream_id)
  union all
  select
    'EVENT', e.occurred_at, e.stream_id, e.subscription_id, e.epoch, e.seq, e.origin, e.code, null, null, null, null, null
  from signals.protection_events as e
  where e.xact >= pg_snapshot_xmin(p_since)::text::bigint and not pg_visible_in_snapshot(e.xact::text::xid8, p_since)
    and (p_stream is null or e.stream_id = p_stream)
  order by 2, 3, 5, 6, 1 desc, 4
$$;

comment on function ops.tail(pg_snapshot, bigint) is
'What was committed since a snapshot: signals with their verdict, decisions with their reason, protection events with origin and code; of
one stream or of all, in the order of time.';
