-- requires: trust/add_step
create or replace view ops.trust_violations with (security_invoker = true) as
select 'scores_follow_from_their_events' as invariant, to_jsonb(v) as offender
from (
  select e.lane, e.account_id, e.role, e.event_id, e.score_before, e.expected
  from (
    select i.*, lag(i.score_after, 1, 100) over (partition by i.lane, i.account_id, i.role order by i.event_id) as expected
    from trust.events as i
  ) as e
  where e.score_before <> e.expected or e.score_after <> trust.add_step(null, e.score_before, e.points)
  union all
  select s.lane, s.account_id, s.role, null, s.score, coalesce(e.score_after, 100)
  from trust.scores as s
  full join (
    select distinct on (i.lane, i.account_id, i.role) i.*
    from trust.events as i
    order by i.lane, i.account_id, i.role, i.event_id desc
  ) as e on e.lane = s.lane and e.account_id = s.account_id and e.role = s.role
  where coalesce(s.score, 100) <> coalesce(e.score_after, 100) or (s.score between 0 and 100) is not true
) as v
union all
select 'who_is_not_trusted_is_paused', to_jsonb(v)
from (
  select s.lane, s.subscription_id, s.account_id, s.state, u.score
  from trust.scores as u
  inner join signals.subscriptions as s on s.lane = u.lane and s.account_id = u.account_id
  where u.role = 'subscriber' and (
    (u.score < 50) <> u.is_pausing
    or (s.state <> 'ENDED' and (s.state = 'PAUSED_TOXIC') <> (u.score < 50))
  )
  union all
  select s.lane, s.subscription_id, s.account_id, s.state, null
  from signals.subscriptions as s
  where s.state = 'PAUSED_TOXIC' and not exists (
    select from trust.scores as u where u.lane = s.lane and u.account_id = s.account_id and u.role = 'subscriber'
  )
) as v;

comment on view ops.trust_violations is 'Offenders against the invariants of trust. Invoker''s rights: it is read through ops.verify only.';
