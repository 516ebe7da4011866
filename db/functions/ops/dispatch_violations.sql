create or replace view ops.dispatch_violations with (security_invoker = true) as
select 'dispatch_has_caught_up' as invariant, to_jsonb(v) as offender
from (
  select c.lane, c.stream_id, c.epoch, c.seq, h.accepted_epoch, h.accepted_seq
  from signals.dispatch_cursors as c
  inner join signals.stream_heads as h on h.lane = c.stream_lane and h.stream_id = c.stream_id
  where (c.epoch, c.seq) < (h.accepted_epoch, h.accepted_seq)
) as v
union all
select 'every_eligible_signal_is_decided', to_jsonb(v)
from (
  select s.subscription_id, x.stream_id, x.epoch, x.seq, x.action
  from signals.subscriptions as s
  inner join signals.dispatch_cursors as c on c.lane = s.lane and c.stream_id = s.stream_id
  inner join signals.signals as x
    on x.lane = s.stream_lane and x.stream_id = s.stream_id and x.verdict = 'ACCEPTED'
      and (x.epoch, x.seq) > (s.started_epoch, s.started_seq) and (x.epoch, x.seq) <= (c.epoch, c.seq)
      and (s.ended_at is null or x.received_at < s.ended_at)
  left join signals.log_starts as l on l.lane = s.stream_lane and l.stream_id = s.stream_id
  where (x.epoch, x.seq) > (coalesce(l.epoch, 0), coalesce(l.seq, 0)) and not exists (
    select from signals.decisions as d
    where d.lane = s.lane and d.subscription_id = s.subscription_id and d.stream_id = x.stream_id
      and d.epoch = x.epoch and d.seq = x.seq and d.part = 0
  )
) as v
union all
select 'no_decision_without_accepted_signal', to_jsonb(v)
from (
  select d.subscription_id, d.stream_id, d.epoch, d.seq
  from signals.decisions as d
  inner join signals.subscriptions as s on s.lane = d.lane and s.subscription_id = d.subscription_id
  where d.part = 0 and not exists (
    select from signals.signals as x
    where x.lane = s.stream_lane and x.stream_id = d.stream_id and x.epoch = d.epoch and x.seq = d.seq
      and x.verdict = 'ACCEPTED'
  )
) as v
union all
select 'deliveries_count_without_holes', to_jsonb(v)
from (
  select h.subscription_id, h.delivery_seq, count(d.delivery_seq) as deliveries, max(d.delivery_seq) as newest
  from signals.subscription_heads as h
  left join signals.settlements as w on w.lane = h.lane and w.subscription_id = h.subscription_id
  left join signals.decisions as d
    on d.lane = h.lane and d.subscription_id = h.subscription_id and d.delivery_seq > coalesce(w.retired_seq, 0)
  group by h.lane, h.subscription_id, w.retired_seq
  having h.delivery_seq <> coalesce(w.retired_seq, 0) + count(d.delivery_seq)
    or h.delivery_seq <> coalesce(max(d.delivery_seq), w.retired_seq, 0)
) as v
union all
select 'deliveries_follow_the_stream', to_jsonb(v)
from (
  select d.subscription_id, d.delivery_seq, d.epoch, d.seq, d.part
  from (
    select
      i.*,
      lag((i.epoch, i.seq, i.part)) over (partition by i.lane, i.subscription_id order by i.delivery_seq)
      >= (i.epoch, i.seq, i.part)
        as is_behind
    from signals.decisions as i
    where i.delivery_seq is not null
  ) as d
  where d.is_behind
) as v
union all
select 'what_cuts_exposure_is_delivered', to_jsonb(v)
from (
  select d.subscription_id, d.epoch, d.seq, d.action, d.reason
  from signals.decisions as d
  inner join signals.actions as a on a.action = d.action
  where not a.raises_exposure and d.reason not in (
    'COPIED', 'CAUGHT_UP', 'PROTECTED', 'NOT_COPIED', 'SNAPSHOT_RECORDED'
  )
) as v
union all
select 'only_what_was_never_opened_is_not_closed', to_jsonb(v)
from (
  select d.subscription_id, d.epoch, d.seq, d.position_id
  from signals.decisions as d
  -- By the order of the stream, not by the clock: that may have been set back in between.
  inner join signals.decisions as o
    on o.lane = d.lane and o.subscription_id = d.subscription_id and o.stream_id = d.stream_id
      and o.position_id = d.position_id and o.reason in ('COPIED', 'CAUGHT_UP') and o.action in ('OPEN', 'PLACE')
      and (o.epoch, o.seq, o.part) < (d.epoch, d.seq, d.part)
  inner join signals.actions as a on a.action = d.action and a.cuts_exposure
  inner join signals.copies as c
    on c.lane = d.lane and c.subscription_id = d.subscription_id and c.stream_id = d.stream_id
      and c.position_id = d.position_id
  where d.reason = 'NOT_COPIED' and c.status in ('DELIVERED', 'OPEN')
    -- What was missed when it was cut may have been joined late since.
    and not exists (
      select from signals.decisions as l
      where l.lane = d.lane and l.subscription_id = d.subscription_id and l.stream_id = d.stream_id
        and l.position_id = d.position_id and l.delivery_seq is not null and l.action in ('OPEN', 'PLACE')
        and (l.epoch, l.seq, l.part) > (d.epoch, d.seq, d.part)
    )
) as v
union all
select 'every_lot_is_explained', to_jsonb(v)
from (
  select d.subscription_id, d.epoch, d.seq, d.volume, d.inputs
  from signals.decisions as d
  cross join jsonb_to_record(d.inputs) as i (
    numerator numeric, denominator numeric, step numeric, minimum numeric, maximum numeric
  )
  -- Decisions of before 0004 kept other numbers.
  where d.reason in ('COPIED', 'CAUGHT_UP') and d.action in ('OPEN', 'PLACE') and d.inputs ->> 'mode' is distinct from 'multiplier'
    and d.volume is distinct from least(
      greatest(div(i.numerator, i.denominator * i.step) * i.step, i.minimum), i.maximum
    )
) as v;

comment on view ops.dispatch_violations is
'Offenders against the invariants of dispatch. Invoker''s rights: it is read through ops.verify only.';
