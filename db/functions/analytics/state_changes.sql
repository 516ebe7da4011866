-- A barrier view of ecp_reader's: who reads it has no right on the tables, and the row policies say which rows are his.
create or replace view analytics.state_changes with (security_barrier = true) as
select
  e.subscription_id, a.name as subscriber, s.stream_name as stream, e.from_state, e.to_state, e.cause, e.actor, e.occurred_at
from signals.subscription_events as e
inner join signals.subscriptions as s on s.lane = e.lane and s.subscription_id = e.subscription_id
inner join access.accounts as a on a.account_id = s.account_id;

comment on view analytics.state_changes is 'Every change of a subscription''s state; docs/state_machines.md draws them.';
comment on column analytics.state_changes.subscription_id is 'Number of the subscription.';
comment on column analytics.state_changes.subscriber is 'Name of the account that follows.';
comment on column analytics.state_changes.stream is 'Name of the stream.';
comment on column analytics.state_changes.from_state is 'Null: it began.';
comment on column analytics.state_changes.to_state is 'The state that it came into.';
comment on column analytics.state_changes.cause is 'user_pause, gap, no_funds, toxic, end, resumed, funded, recovered, …';
comment on column analytics.state_changes.actor is 'Who or what did it.';
comment on column analytics.state_changes.occurred_at is 'When; UTC.';
