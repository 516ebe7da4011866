-- A barrier view: whoever is on duty reads it without reading the tables. What is looked up for each subscription is a lateral, as in
-- the hot calls, for signals.escalate reads it every few seconds.
create or replace view signals.overdue with (security_barrier = true) as
select
  d.lane, d.subscription_id, d.delivery_seq, d.stream_id, d.position_id, d.action, d.symbol, d.side, d.volume, d.decided_at,
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
  d.lane, d.subscription_id, d.delivery_seq, d.stream_id, d.position_id, d.action, d.symbol, d.side, d.volume, d.decided_at,
  r.status, h.session_id is not null, e.level, e.escalated_at
from signals.copies as c
inner join signals.decisions as d
  on d.lane = c.lane and d.subscription_id = c.subscription_id and d.delivery_seq = c.closing_seq
inner join signals.reports as r
  on r.lane = d.lane and r.subscription_id = d.subscription_id and r.delivery_seq = d.delivery_seq and r.status <> 'UNKNOWN'
inner join signals.subscription_heads as h on h.lane = c.lane and h.subscription_id = c.subscription_id
left join signals.escalations as e
  on e.lane = d.lane and e.subscription_id = d.subscription_id and e.delivery_seq = d.delivery_seq
where c.status = 'CLOSING';

comment on view signals.overdue is
'Every close, partial close, cancel and stop change that was delivered and is not answered for good, and every close that was
answered but did not happen, with its state and how far it was escalated.';
