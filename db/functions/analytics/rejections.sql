-- requires: core/error_registry
-- A barrier view of ecp_reader's: who reads it has no right on the tables, and the row policies say which rows are his.
create or replace view analytics.rejections with (security_barrier = true) as
select
  date_trunc('hour', e.occurred_at, 'UTC') as hour, e.origin, e.code, r.name, r.message, e.stream_id, e.subscription_id,
  count(*) as events
from signals.protection_events as e
left join core.error_registry() as r on r.code = e.code
group by date_trunc('hour', e.occurred_at, 'UTC'), e.origin, e.code, r.name, r.message, e.stream_id, e.subscription_id;

comment on view analytics.rejections is 'Protection events, by the plane and by the guards: how many of each code in each hour.';
comment on column analytics.rejections.hour is 'Begin of the hour; UTC.';
comment on column analytics.rejections.origin is 'PLANE, or GUARD: a subscriber''s terminal.';
comment on column analytics.rejections.code is 'As in docs/errors.md, or the terminal''s own.';
comment on column analytics.rejections.name is 'Name of the code; null: the terminal''s own.';
comment on column analytics.rejections.message is 'What it means.';
comment on column analytics.rejections.stream_id is 'Number of the stream; null: not known.';
comment on column analytics.rejections.subscription_id is 'Number of the subscription; null: it is about a signal.';
comment on column analytics.rejections.events is 'How many.';
