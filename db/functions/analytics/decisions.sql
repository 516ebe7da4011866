-- A barrier view of ecp_reader's: who reads it has no right on the tables, and the row policies say which rows are his.
create or replace view analytics.decisions with (security_barrier = true) as
select
  d.subscription_id, a.name as subscriber, d.stream_id, s.stream_name as stream, d.epoch, d.seq, d.part, d.delivery_seq, d.reason, d.action,
  d.symbol, d.side, d.position_id, d.volume, d.price, d.settings_version, r.status as report, r.code as report_code, r.ticket,
  r.price as fill_price, r.volume as fill_volume, r.slippage, d.sent_at, d.decided_at, r.reported_at,
  extract(epoch from r.executed_at - r.received_at) * 1000 as execute_ms,
  extract(epoch from r.reported_at - d.decided_at) * 1000 as answer_ms
from signals.subscriptions as s
inner join access.accounts as a on a.account_id = s.account_id
inner join signals.decisions as d on d.lane = s.lane and d.subscription_id = s.subscription_id and d.stream_id = s.stream_id
left join signals.reports as r
  on r.lane = d.lane and r.subscription_id = d.subscription_id and r.delivery_seq = d.delivery_seq;

comment on view analytics.decisions is
'What was decided for each subscription on each signal, deliver or skip, with the report of what the terminal did.';
comment on column analytics.decisions.subscription_id is 'Number of the subscription.';
comment on column analytics.decisions.subscriber is 'Name of the account that follows.';
comment on column analytics.decisions.stream_id is 'Number of the stream.';
comment on column analytics.decisions.stream is 'Name of the stream.';
comment on column analytics.decisions.epoch is 'With seq, the signal of the stream.';
comment on column analytics.decisions.seq is 'With epoch, the signal of the stream.';
comment on column analytics.decisions.part is '0: on that signal. From 1 on: by catch-up while the stream stood there.';
comment on column analytics.decisions.delivery_seq is 'Number of the delivery in its subscription; null: skipped.';
comment on column analytics.decisions.reason is 'COPIED, CAUGHT_UP, PROTECTED, or why it was skipped (docs/copying.md).';
comment on column analytics.decisions.action is 'What to do: OPEN, MODIFY, CLOSE, PARTIAL_CLOSE, PLACE, AMEND, CANCEL, SNAPSHOT.';
comment on column analytics.decisions.symbol is 'As the subscriber''s broker calls it.';
comment on column analytics.decisions.side is 'BUY or SELL.';
comment on column analytics.decisions.position_id is 'The master''s ticket.';
comment on column analytics.decisions.volume is 'Lots to trade; of PARTIAL_CLOSE what remains; null: skipped.';
comment on column analytics.decisions.price is 'The master''s, in units of the symbol.';
comment on column analytics.decisions.settings_version is 'The settings that it was decided by.';
comment on column analytics.decisions.report is 'EXECUTED, REJECTED by the guard, FAILED at the broker, UNKNOWN; null: none yet.';
comment on column analytics.decisions.report_code is 'Why it was not executed (docs/errors.md).';
comment on column analytics.decisions.ticket is 'At the subscriber''s broker.';
comment on column analytics.decisions.fill_price is 'In units of the symbol.';
comment on column analytics.decisions.fill_volume is 'Lots.';
comment on column analytics.decisions.slippage is 'Fill price less the master''s, in units of the symbol; positive is worse for the subscriber.';
comment on column analytics.decisions.sent_at is 'By the master''s clock; UTC.';
comment on column analytics.decisions.decided_at is 'By the plane''s clock; UTC.';
comment on column analytics.decisions.reported_at is 'By the plane''s clock; UTC.';
comment on column analytics.decisions.execute_ms is 'From its arrival at the terminal to the fill, both by the terminal''s clock; milliseconds.';
comment on column analytics.decisions.answer_ms is 'From decided_at to reported_at; milliseconds.';
