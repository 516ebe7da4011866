create or replace view ops.report_violations with (security_invoker = true) as
select 'reports_answer_deliveries' as invariant, to_jsonb(v) as offender
from (
  select r.subscription_id, r.delivery_seq, r.status
  from signals.reports as r
  where not exists (
    select from signals.decisions as d
    where d.lane = r.lane and d.subscription_id = r.subscription_id and d.delivery_seq = r.delivery_seq
  )
) as v
union all
select 'excess_fills_are_recorded', to_jsonb(v)
from (
  select r.subscription_id, r.delivery_seq, r.volume, d.volume as decided
  from signals.reports as r
  inner join signals.decisions as d
    on d.lane = r.lane and d.subscription_id = r.subscription_id and d.delivery_seq = r.delivery_seq
  where r.status = 'EXECUTED' and r.settled_by is null and d.action in ('OPEN', 'PLACE') and r.volume > d.volume
    and r.reported_at >= coalesce(
      (select max(e.before) from ops.retirements as e where e.what = 'signals.protection_events'), '-infinity'
    )
    and not exists (
      select from signals.protection_events as p
      where p.lane = r.lane and p.occurred_at = r.reported_at and p.subscription_id = r.subscription_id
        and p.seq = r.delivery_seq and p.code = 'TRR05'
    )
) as v
union all
select 'one_position_one_copy', to_jsonb(v)
from (
  select d.subscription_id, d.stream_id, d.position_id, count(*) as openings
  from signals.reports as r
  inner join signals.decisions as d
    on d.lane = r.lane and d.subscription_id = r.subscription_id and d.delivery_seq = r.delivery_seq
  where r.status = 'EXECUTED' and d.action in ('OPEN', 'PLACE')
  group by d.lane, d.subscription_id, d.stream_id, d.position_id
  having count(*) > 1
) as v
union all
select 'guard_refusals_are_recorded', to_jsonb(v)
from (
  select r.subscription_id, r.delivery_seq, r.code
  from signals.reports as r
  where r.status <> 'EXECUTED' and r.reported_at >= coalesce(
    (select max(e.before) from ops.retirements as e where e.what = 'signals.protection_events'), '-infinity'
  ) and not exists (
    select from signals.protection_events as p
    where p.lane = r.lane and p.occurred_at = r.reported_at and p.subscription_id = r.subscription_id
      and p.seq = r.delivery_seq and p.code = r.code
  )
) as v
union all
select 'copies_stand_where_reports_left_them', to_jsonb(v)
from (
  -- Whatever the order in which the reports came.
  select c.subscription_id, c.position_id, c.status, c.held_volume, c.target_volume, c.pending, o.open, o.traded, o.opening,
    o.opening_settled_by
  from signals.copies as c
  left join (
    select
      d.lane, d.subscription_id, d.stream_id, d.position_id,
      count(*) filter (where r.status is null or r.status = 'UNKNOWN') as open,
      coalesce(sum(r.volume) filter (where d.action in ('OPEN', 'PLACE') and r.status = 'EXECUTED'), 0)
      - coalesce(sum(r.volume) filter (where d.action in ('CLOSE', 'PARTIAL_CLOSE') and r.status = 'EXECUTED'), 0) as traded,
      (array_agg(r.status order by d.delivery_seq desc) filter (where d.action in ('OPEN', 'PLACE')))[1] as opening,
      (array_agg(r.settled_by order by d.delivery_seq desc) filter (where d.action in ('OPEN', 'PLACE')))[1] as opening_settled_by,
      -- A terminal that says it holds nothing, or shows its book, knows better than a sum of reports.
      bool_or(
        r.code = 'TRG03' or r.settled_by is not null
        or (r.status = 'EXECUTED' and (d.action = 'CANCEL' or (d.action = 'PARTIAL_CLOSE' and coalesce(r.volume, 0) = 0)))
      ) as was_told
    from signals.decisions as d
    left join signals.reports as r
      on r.lane = d.lane and r.subscription_id = d.subscription_id and r.delivery_seq = d.delivery_seq
    where d.delivery_seq is not null
    group by d.lane, d.subscription_id, d.stream_id, d.position_id
  ) as o
    on o.lane = c.lane and o.subscription_id = c.subscription_id and o.stream_id = c.stream_id
      and o.position_id = c.position_id
  cross join lateral (
    -- What failed and was filled after all is known from a book.
    select exists (
      select from signals.differences as d
      where d.lane = c.lane and d.subscription_id = c.subscription_id and d.position_id = c.position_id
    ) as was_found
  ) as f
  left join signals.settlements as w on w.lane = c.lane and w.subscription_id = c.subscription_id
  -- What is over may have been retired, its opening first; what is live may not.
  where (
    c.status in ('DELIVERED', 'OPEN', 'CLOSING') or o.opening is not null or coalesce(w.retired_seq, 0) = 0
  ) and (
    c.pending <> coalesce(o.open, 0)
    or (c.status in ('DELIVERED', 'OPEN') and c.target_volume = 0)
    or (c.status not in ('DELIVERED', 'OPEN') and c.target_volume <> 0)
    -- Only an EA's word that its broker refused leaves open what became of an order.
    or (c.status = 'DELIVERED' and (o.opening = 'EXECUTED' or o.opening_settled_by is not null))
    or (c.status = 'OPEN' and o.opening is distinct from 'EXECUTED' and o.was_told is not true and not f.was_found)
    or (o.opening = 'EXECUTED' and c.ticket is null and o.was_told is not true)
    or (c.status = 'REFUSED' and o.opening not in ('REJECTED', 'FAILED'))
    or (c.status = 'CLOSED' and c.held_volume > 0)
    or (
      c.held_volume <> coalesce(o.traded, 0) and o.was_told is not true and not f.was_found
      and c.closed_by is distinct from 'FOLLOWER'
      -- A difference that explained it may have been deleted since.
      and (c.status in ('DELIVERED', 'OPEN', 'CLOSING') or c.changed_at >= coalesce(
        (select max(e.before) from ops.retirements as e where e.what = 'signals.differences'), '-infinity'
      ))
    )
  )
) as v
union all
select 'lanes_agree', to_jsonb(v)
from (
  select 'subscription' as kind, s.subscription_id as id, s.lane
  from signals.subscriptions as s
  inner join access.accounts as a on a.account_id = s.account_id
  where a.lane <> s.lane
  union all
  select 'decision', d.subscription_id, d.lane
  from signals.decisions as d
  inner join signals.subscriptions as s on s.subscription_id = d.subscription_id
  where s.lane <> d.lane
  union all
  select 'signal', x.stream_id, x.lane
  from signals.signals as x
  inner join signals.streams as s on s.stream_id = x.stream_id
  where s.lane <> x.lane
) as v
union all
select 'one_session_per_license', to_jsonb(v)
from (
  select s.license_id, count(*) as live
  from access.sessions as s
  where s.ended_at is null
  group by s.license_id
  having count(*) > 1
) as v;

comment on view ops.report_violations is
'Offenders against the invariants of reports, copies, lanes and sessions. Invoker''s rights: it is read through ops.verify only.';
