-- requires: core/now ops/alarms ops/halts signals/overdue
-- A barrier view of one row, read once for all who watch. What counts up is counted up: whoever reads twice knows the rate. Of the rest it
-- looks at the newest of those streams and subscriptions that have most to say, by key, so that it costs
-- the same on a plane of any size; a row of each stream and subscription is summed all the same, and whoever reads it waits the longer.
create or replace view ops.live with (security_barrier = true) as
with signals_now as materialized (
  select x.lane, x.stream_id, x.epoch, x.seq, x.verdict, x.sent_at, x.received_at
  from (
    select h.lane, h.stream_id from signals.stream_heads as h order by h.refilled_at desc limit 100
  ) as h
  cross join lateral (
    select w.*
    from signals.signals as w
    where w.lane = h.lane and w.stream_id = h.stream_id
    order by w.epoch desc, w.seq desc
    limit 100
  ) as x
  where x.received_at > core.now() - interval '1 minute'
), deliveries_now as materialized (
  select d.part, d.decided_at, g.received_at as accepted_at, r.received_at, r.executed_at, r.reported_at
  from (
    select s.lane, s.subscription_id, s.stream_lane, h.delivery_seq
    from signals.subscription_heads as h
    inner join signals.subscriptions as s on s.lane = h.lane and s.subscription_id = h.subscription_id
    where h.session_id is not null
    order by h.delivery_seq desc
    limit 100
  ) as s
  inner join signals.decisions as d
    on d.lane = s.lane and d.subscription_id = s.subscription_id and d.delivery_seq > s.delivery_seq - 20
  left join signals.signals as g
    on g.lane = s.stream_lane and g.stream_id = d.stream_id and g.epoch = d.epoch and g.seq = d.seq
  left join signals.reports as r
    on r.lane = d.lane and r.subscription_id = d.subscription_id and r.delivery_seq = d.delivery_seq
  where d.decided_at > core.now() - interval '1 minute'
)
select
  core.now() as at, t.signals, u.deliveries, o.unanswered, c.masters, c.copiers,
  (select count(*) from signals.streams as s where s.status = 'ACTIVE') as streams, v.verdicts, y.states, l.latency, a.alarms, k.halts
from (select coalesce(sum(h.last_seq), 0)::bigint as signals from signals.stream_heads as h) as t
cross join (select coalesce(sum(h.delivery_seq), 0)::bigint as deliveries from signals.subscription_heads as h) as u
cross join (select count(*) as unanswered from signals.overdue) as o
cross join (
  select count(*) filter (where w.purpose = 'publish') as masters, count(*) filter (where w.purpose = 'subscribe') as copiers
  from access.sessions as s
  inner join access.licenses as w on w.license_id = s.license_id
  where s.ended_at is null and s.renewed_at > core.now() - interval '1 minute'
) as c
cross join (
  select coalesce(jsonb_object_agg(w.verdict, w.signals), '{}') as verdicts
  from (select s.verdict, count(*) as signals from signals_now as s group by s.verdict) as w
) as v
cross join (
  select coalesce(jsonb_object_agg(w.state, w.subscriptions), '{}') as states
  from (
    select s.state, count(*) as subscriptions from signals.subscriptions as s where s.ended_at is null group by s.state
  ) as w
) as y
cross join (
  select coalesce(
    jsonb_agg(jsonb_build_object(
      'stage', w.stage, 'samples', w.samples, 'p50_ms', w.ms[1], 'p95_ms', w.ms[2], 'p99_ms', w.ms[3]
    ) order by w.number), '[]'
  ) as latency
  from (
    select x.number, x.stage, count(*) as samples, percentile_cont(array[0.5, 0.95, 0.99]) within group (order by x.ms) as ms
    from (
      select 1 as number, 'RECEIVED' as stage, (extract(epoch from s.received_at - s.sent_at) * 1000)::double precision as ms
      from signals_now as s
      union all
      select w.number, w.stage, extract(epoch from w.taken) * 1000
      from deliveries_now as d
      cross join lateral (
        values
        (2, 'DECIDED', case when d.part = 0 then d.decided_at - d.accepted_at end),
        (3, 'EXECUTED', d.executed_at - d.received_at),
        (4, 'REPORTED', d.reported_at - d.decided_at)
      ) as w (number, stage, taken)
      where w.taken is not null
    ) as x
    group by x.number, x.stage
  ) as w
) as l
cross join (
  select coalesce(jsonb_agg(to_jsonb(w) order by w.alarm, w.subject), '[]') as alarms from ops.alarms as w
) as a
cross join (
  select coalesce(jsonb_agg(to_jsonb(w) order by w.since, w.scope, w.subject), '[]') as halts from ops.halts as w
) as k;

comment on view ops.live is 'What happens now, in one row: for a screen that is looked at all day.';
comment on column ops.live.at is 'By the plane''s clock.';
comment on column ops.live.signals is 'Counts up: signals that took their place in the present epochs of their streams.';
comment on column ops.live.deliveries is 'Counts up: deliveries that were made.';
comment on column ops.live.unanswered is 'How many deliveries that cut or manage exposure are not answered for good, as signals.overdue has them.';
comment on column ops.live.masters is 'Terminals that are connected to publish: heard of in the last minute.';
comment on column ops.live.copiers is 'Terminals that are connected to copy, likewise.';
comment on column ops.live.streams is 'Streams that are not closed.';
comment on column ops.live.verdicts is 'How many of each, of the last minute''s newest 100 signals of the 100 streams that were busy last.';
comment on column ops.live.states is 'How many subscriptions are in which state.';
comment on column ops.live.latency is
'How long each stage took in the last minute, as analytics.latency has it: of the same signals, and of the newest 20 deliveries of the
100 connected subscriptions that had most.';
comment on column ops.live.alarms is 'ops.alarms.';
comment on column ops.live.halts is 'ops.halts.';
