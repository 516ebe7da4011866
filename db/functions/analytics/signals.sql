-- A barrier view of ecp_reader's: who reads it has no right on the tables, and the row policies say which rows are his.
create or replace view analytics.signals with (security_barrier = true) as
select
  s.stream_id, t.name as stream, s.epoch, s.seq, s.verdict, s.code, s.action, s.symbol, s.side, s.position_id, s.volume, s.price,
  s.stop_loss, s.take_profit, s.magic, s.order_type, s.sent_at, s.received_at,
  extract(epoch from s.received_at - s.sent_at) * 1000 as receive_ms
from signals.signals as s
inner join signals.streams as t on t.lane = s.lane and t.stream_id = s.stream_id;

comment on view analytics.signals is
'Every signal that took its place in its stream, accepted or refused there. Seen by its provider; subscribers see their decisions.';
comment on column analytics.signals.stream_id is 'Number of the stream.';
comment on column analytics.signals.stream is 'Name of the stream.';
comment on column analytics.signals.epoch is 'With seq, the place of the signal in its stream.';
comment on column analytics.signals.seq is 'Counts from 1 in each epoch, without holes.';
comment on column analytics.signals.verdict is 'ACCEPTED, or why not: STALE, FUTURE, RATE_LIMITED, NOT_ALLOWED, HALTED, MALFORMED.';
comment on column analytics.signals.code is 'Code of the refusal (docs/errors.md); null: accepted.';
comment on column analytics.signals.action is 'OPEN, MODIFY, CLOSE, PARTIAL_CLOSE, PLACE, AMEND, CANCEL or SNAPSHOT.';
comment on column analytics.signals.symbol is 'As the master''s broker calls it.';
comment on column analytics.signals.side is 'BUY or SELL.';
comment on column analytics.signals.position_id is 'The master''s ticket.';
comment on column analytics.signals.volume is 'Lots; of PARTIAL_CLOSE what remains open.';
comment on column analytics.signals.price is 'In units of the symbol.';
comment on column analytics.signals.stop_loss is 'In units of the symbol; null: none was said.';
comment on column analytics.signals.take_profit is 'In units of the symbol; null: none was said.';
comment on column analytics.signals.magic is 'Of the strategy that sent it; 0: none.';
comment on column analytics.signals.order_type is 'MARKET, LIMIT, STOP or STOP_LIMIT.';
comment on column analytics.signals.sent_at is 'By the master''s clock; UTC.';
comment on column analytics.signals.received_at is 'By the plane''s clock, when it was decided; UTC.';
comment on column analytics.signals.receive_ms is 'From sent_at to received_at: two clocks; milliseconds.';
