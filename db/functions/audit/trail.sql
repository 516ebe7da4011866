-- A barrier view: auditors and operators read it without reading the tables.
create or replace view audit.trail with (security_barrier = true) as
select
  r.occurred_at, r.kind, r.lane, r.subject, r.actor, r.login, r.reason, r.before, r.after, r.xact, s.number as block, s.sealed_at
from (
  select w.occurred_at, w.kind, w.lane, w.subject, w.actor, w.login, w.reason, w.before, w.after, w.xact
  from audit.records as w
  union all
  select
    e.occurred_at, 'signals.transition', e.lane, jsonb_build_object('subscription_id', e.subscription_id), e.actor, null, e.cause,
    jsonb_build_object('state', e.from_state), jsonb_build_object('state', e.to_state), e.xact
  from signals.subscription_events as e
) as r
left join lateral (
  select w.number, w.sealed_at from audit.seals as w where w.to_xact > r.xact order by w.to_xact limit 1
) as s on true;

comment on view audit.trail is 'Who did what, when and why: what operators did, what was configured, and every change of a subscription''s state.';
comment on column audit.trail.actor is 'As named in the call.';
comment on column audit.trail.login is 'As authenticated; null for a change of state.';
comment on column audit.trail.block is 'Of the chain; null: not sealed yet.';
comment on column audit.trail.sealed_at is 'It was there at this time at the latest.';
