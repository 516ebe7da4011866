-- A barrier view. The newest hundred deliveries of each subscription, by key.
create or replace view ops.subscription_states with (security_barrier = true) as
select
  s.subscription_id, a.account_id, a.name as account, s.stream_name as stream, s.state, e.occurred_at as since, e.cause, e.actor,
  h.session_id is not null as has_copier, h.delivery_seq, h.acknowledged_seq, h.book_at, n.decide_p99, n.receive_p99,
  n.execute_p99, n.newest_at
from signals.subscriptions as s
inner join signals.subscription_heads as h on h.lane = s.lane and h.subscription_id = s.subscription_id
inner join access.accounts as a on a.account_id = s.account_id
left join lateral (
  select w.occurred_at, w.cause, w.actor
  from signals.subscription_events as w
  where w.lane = s.lane and w.subscription_id = s.subscription_id
  order by w.event_id desc
  limit 1
) as e on true
left join lateral (
  select
    max(x.decided_at) as newest_at,
    percentile_disc(0.99) within group (order by x.decided_at - x.accepted_at) as decide_p99,
    percentile_disc(0.99) within group (order by x.received_at - x.decided_at) as receive_p99,
    percentile_disc(0.99) within group (order by x.executed_at - x.received_at) as execute_p99
  from (
    select d.decided_at, r.received_at, r.executed_at, case when d.part = 0 then g.received_at end as accepted_at
    from signals.decisions as d
    left join signals.reports as r
      on r.lane = d.lane and r.subscription_id = d.subscription_id and r.delivery_seq = d.delivery_seq
    left join signals.signals as g
      on g.lane = s.stream_lane and g.stream_id = d.stream_id and g.epoch = d.epoch and g.seq = d.seq
    where d.lane = s.lane and d.subscription_id = s.subscription_id and d.delivery_seq > h.delivery_seq - 100
  ) as x
) as n on true
where s.ended_at is null;

comment on view ops.subscription_states is
'Every subscription that has not ended: its state, since when, why and by whom, what was delivered and acknowledged, and how long
its newest 100 deliveries took.';
comment on column ops.subscription_states.decide_p99 is 'From the acceptance of a signal to its decision; 99 of 100 were faster.';
comment on column ops.subscription_states.receive_p99 is 'From the decision to the terminal, by the terminal''s clock.';
comment on column ops.subscription_states.execute_p99 is 'From the terminal to the broker''s fill, by the terminal''s clock.';
