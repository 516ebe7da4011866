-- A barrier view: whoever is on duty reads it without reading the tables. What is looked up for each subscription is a lateral, as in
-- the hot calls, for signals.escalate reads it every few seconds.
create or replace view signals.overdue with (security_barrier = true) as
select
  h.lane, d.subscription_id, d.delivery_seq, d.stream_id, d.position_id, d.action, d.symbol, d.side, d.volume, d.decided_at,
  case
    when r.status = 'UNKNOWN' then 'UNKNOWN'
    when d.delivery_seq <= h.acknowledged_seq then 'ACKNOWLEDGED'
    else 'DELIVERED'
  end as state,
  h.session_id is not null as has_copier, e.level, e.escalated_at
from signals.subscription_heads as h
left join lateral (
  select x.settled_seq from signals.settlements as x where x.lane = h.lane and x.subscription_id = h.subscription_id limit 1
) as w on true
cross join lateral (
  select x.*
  from signals.decisions as x
  where x.lane = h.lane and x.subscription_id = h.subscription_id and x.delivery_seq > coalesce(w.settled_seq, 0)
    and h.delivery_seq > coalesce(w.settled_seq, 0)
  offset 0
) as d
inner join signals.actions as a on a.action = d.action and not a.raises_exposure
left join lateral (
  select x.status
  from signals.reports as x
  where x.lane = d.lane and x.subscription_id = d.subscription_id and x.delivery_seq = d.delivery_seq
  limit 1
) as r on true
left join lateral (
  select x.level, x.escalated_at
  from signals.escalations as x
  where x.lane = d.lane and x.subscription_id = d.subscription_id and x.delivery_seq = d.delivery_seq
  limit 1
) as e on true
where coalesce(w.settled_seq, 0) < h.delivery_seq and (r.status is null or r.status = 'UNKNOWN')
union all
-- Answered, again and again, and not done: by the first delivery that told it to close.
select
  l.lane, c.subscription_id, d.delivery_seq, d.stream_id, d.position_id, d.action, d.symbol, d.side, d.volume, d.decided_at,
  r.status, h.session_id is not null, e.level, e.escalated_at
from core.lanes as l
cross join lateral (
  select x.subscription_id, x.closing_seq from signals.copies as x where x.lane = l.lane and x.status = 'CLOSING' offset 0
) as c
cross join lateral (
  select x.*
  from signals.decisions as x
  where x.lane = l.lane and x.subscription_id = c.subscription_id and x.delivery_seq = c.closing_seq
  limit 1
) as d
cross join lateral (
  select x.status
  from signals.reports as x
  where x.lane = l.lane and x.subscription_id = c.subscription_id and x.delivery_seq = c.closing_seq
  limit 1
) as r
cross join lateral (
  select x.session_id from signals.subscription_heads as x where x.lane = l.lane and x.subscription_id = c.subscription_id limit 1
) as h
left join lateral (
  select x.level, x.escalated_at
  from signals.escalations as x
  where x.lane = l.lane and x.subscription_id = c.subscription_id and x.delivery_seq = c.closing_seq
  limit 1
) as e on true
where r.status <> 'UNKNOWN';

comment on view signals.overdue is
'Every close, partial close, cancel and stop change that was delivered and is not answered for good, and every close that was
answered but did not happen, with its state and how far it was escalated.';
