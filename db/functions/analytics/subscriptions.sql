-- A barrier view of ecp_reader's: who reads it has no right on the tables, and the row policies say which rows are his.
create or replace view analytics.subscriptions with (security_barrier = true) as
select
  s.subscription_id, a.name as subscriber, s.stream_id, s.stream_name as stream, p.name as portfolio, p.mode, s.state,
  coalesce(e.occurred_at, s.created_at) as state_since, e.cause as state_cause, k.sizing, k.multiplier, s.settings_version,
  h.session_id is not null as has_copier, h.delivery_seq as deliveries, h.acknowledged_seq as acknowledged, s.created_at, s.ended_at,
  s.account_id, s.portfolio_id
from signals.subscriptions as s
inner join access.accounts as a on a.account_id = s.account_id
inner join signals.portfolios as p on p.lane = s.lane and p.portfolio_id = s.portfolio_id
inner join signals.subscription_heads as h on h.lane = s.lane and h.subscription_id = s.subscription_id
inner join signals.copy_settings as k
  on k.lane = s.lane and k.subscription_id = s.subscription_id and k.version = s.settings_version
left join lateral (
  select w.occurred_at, w.cause
  from signals.subscription_events as w
  where w.lane = s.lane and w.subscription_id = s.subscription_id
  order by w.event_id desc
  limit 1
) as e on true;

comment on view analytics.subscriptions is 'Each subscription with its state, its newest settings and how far it has come.';
comment on column analytics.subscriptions.subscription_id is 'Number of the subscription.';
comment on column analytics.subscriptions.subscriber is 'Name of the account that follows.';
comment on column analytics.subscriptions.stream_id is 'Number of the stream that is followed.';
comment on column analytics.subscriptions.stream is 'Name of the stream.';
comment on column analytics.subscriptions.portfolio is 'Name of the broker account that it copies into.';
comment on column analytics.subscriptions.mode is 'HEDGING or NETTING, of that broker account.';
comment on column analytics.subscriptions.state is 'SYNCED takes new exposure; every other state only manages and cuts it.';
comment on column analytics.subscriptions.state_since is 'When it came into this state; UTC.';
comment on column analytics.subscriptions.state_cause is 'What brought it there; null: it is as it began.';
comment on column analytics.subscriptions.sizing is 'SAME, FIXED, MULTIPLIER, BALANCE_RATIO, EQUITY_RATIO or RISK.';
comment on column analytics.subscriptions.multiplier is 'Factor on the master''s lots.';
comment on column analytics.subscriptions.settings_version is 'Number of the newest settings.';
comment on column analytics.subscriptions.has_copier is 'Whether a terminal is connected for it.';
comment on column analytics.subscriptions.deliveries is 'How many deliveries were made.';
comment on column analytics.subscriptions.acknowledged is 'Up to which of them the terminal says that it has processed.';
comment on column analytics.subscriptions.created_at is 'When it began; UTC.';
comment on column analytics.subscriptions.ended_at is 'When it ended; UTC; null: it has not.';
comment on column analytics.subscriptions.account_id is 'Number of the account that follows.';
comment on column analytics.subscriptions.portfolio_id is 'Number of the broker account that it copies into.';
