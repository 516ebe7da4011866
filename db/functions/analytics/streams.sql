-- A barrier view of ecp_reader's: who reads it has no right on the tables, and the row policies say which rows are his.
create or replace view analytics.streams with (security_barrier = true) as
select
  t.stream_id, t.name as stream, a.name as provider, case when k.since is null then t.status else 'HALTED' end as status,
  k.reason as status_reason, k.since as status_at, h.epoch, h.last_seq,
  extract(epoch from t.ttl) * 1000 as ttl_ms, t.rate_per_second, t.created_at,
  t.account_id
from signals.streams as t
inner join signals.stream_heads as h on h.lane = t.lane and h.stream_id = t.stream_id
inner join access.accounts as a on a.account_id = t.account_id
left join lateral (
  select w.reason, w.since
  from signals.halts as w
  where (w.scope, w.subject) in (('GLOBAL', ''), ('STREAM', t.stream_id::text), ('ACCOUNT', t.account_id::text))
  order by w.since
  limit 1
) as k on t.status <> 'CLOSED';

comment on view analytics.streams is 'Each stream of signals, and where it stands.';
comment on column analytics.streams.stream_id is 'Number of the stream.';
comment on column analytics.streams.stream is 'Its name.';
comment on column analytics.streams.provider is 'Name of the account that publishes it.';
comment on column analytics.streams.status is 'ACTIVE, HALTED (the stream, its provider or everything) or CLOSED.';
comment on column analytics.streams.status_reason is 'Why it is halted; null: it is not.';
comment on column analytics.streams.status_at is 'Since when; UTC.';
comment on column analytics.streams.epoch is 'The epoch that it is in; a resync raises it.';
comment on column analytics.streams.last_seq is 'Number of its newest signal in that epoch, 0: none.';
comment on column analytics.streams.ttl_ms is 'Age at which a signal may no longer raise exposure; milliseconds.';
comment on column analytics.streams.rate_per_second is 'Signals a second that may raise exposure, on average.';
comment on column analytics.streams.created_at is 'When it was made; UTC.';
comment on column analytics.streams.account_id is 'Number of the account that publishes it.';
