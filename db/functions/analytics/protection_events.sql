-- requires: core/error_registry
-- A barrier view of ecp_reader's: who reads it has no right on the tables, and the row policies say which rows are his.
create or replace view analytics.protection_events with (security_barrier = true) as
select e.occurred_at, e.origin, e.code, r.name, r.message, e.stream_id, e.subscription_id, e.epoch, e.seq, e.detail
from signals.protection_events as e
left join core.error_registry() as r on r.code = e.code;

comment on view analytics.protection_events is 'Every refusal, by the plane or by a subscriber''s guard.';
comment on column analytics.protection_events.occurred_at is 'By the plane''s clock; UTC.';
comment on column analytics.protection_events.origin is 'PLANE, or GUARD: a subscriber''s terminal.';
comment on column analytics.protection_events.code is 'As in docs/errors.md, or the terminal''s own.';
comment on column analytics.protection_events.name is 'Name of the code; null: the terminal''s own.';
comment on column analytics.protection_events.message is 'What it means.';
comment on column analytics.protection_events.stream_id is 'Number of the stream; null: not known.';
comment on column analytics.protection_events.subscription_id is 'Number of the subscription; null: it is about a signal.';
comment on column analytics.protection_events.epoch is 'Of the signal.';
comment on column analytics.protection_events.seq is 'Of the signal; of what is the guard''s, of the delivery.';
comment on column analytics.protection_events.detail is 'What it was decided on.';
