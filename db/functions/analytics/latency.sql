-- A barrier view of ecp_reader's: who reads it has no right on the tables, and the row policies say which rows are his.
create or replace view analytics.latency with (security_barrier = true) as
select
  date_trunc('hour', m.at, 'UTC') as hour, m.stage, m.stream_id,
  count(*) as samples,
  percentile_cont(0.5) within group (order by m.ms) as p50_ms,
  percentile_cont(0.95) within group (order by m.ms) as p95_ms,
  percentile_cont(0.99) within group (order by m.ms) as p99_ms,
  max(m.ms) as max_ms
from (
  select 'RECEIVED' as stage, x.stream_id, x.received_at as at, (extract(epoch from x.received_at - x.sent_at) * 1000)::double precision as ms
  from signals.signals as x
  union all
  select 'DECIDED', d.stream_id, d.decided_at, extract(epoch from d.decided_at - x.received_at) * 1000
  from signals.decisions as d
  inner join signals.subscriptions as s on s.lane = d.lane and s.subscription_id = d.subscription_id
  inner join signals.signals as x
    on x.lane = s.stream_lane and x.stream_id = d.stream_id and x.epoch = d.epoch and x.seq = d.seq
  where d.part = 0
  union all
  select w.stage, d.stream_id, r.reported_at, extract(epoch from w.taken) * 1000
  from signals.reports as r
  inner join signals.decisions as d
    on d.lane = r.lane and d.subscription_id = r.subscription_id and d.delivery_seq = r.delivery_seq
  cross join lateral (
    values ('EXECUTED', r.executed_at - r.received_at), ('REPORTED', r.reported_at - d.decided_at), ('WHOLE', r.reported_at - d.sent_at)
  ) as w (stage, taken)
  where r.settled_by is null and w.taken is not null
) as m
group by date_trunc('hour', m.at, 'UTC'), m.stage, m.stream_id;

comment on view analytics.latency is 'How long each stage took: a row for each hour, stage and stream.';
comment on column analytics.latency.hour is 'Begin of the hour in which the stage ended; UTC.';
comment on column analytics.latency.stage is
'RECEIVED: sent by the master to received. DECIDED: received to decided, seen by the house only, for the signal is the provider''s and
the decision the subscriber''s. EXECUTED: at the terminal to filled, by its clock. REPORTED: decided to reported. WHOLE: sent to
reported.';
comment on column analytics.latency.stream_id is 'Number of the stream.';
comment on column analytics.latency.samples is 'How many were measured.';
comment on column analytics.latency.p50_ms is 'Median; milliseconds.';
comment on column analytics.latency.p95_ms is '95th percentile; milliseconds.';
comment on column analytics.latency.p99_ms is '99th percentile; milliseconds.';
comment on column analytics.latency.max_ms is 'Longest; milliseconds.';
