-- requires: analytics/decisions
-- A barrier view of ecp_reader's, as analytics.decisions below it.
create or replace view analytics.copy_quality with (security_barrier = true) as
select
  date_trunc('day', d.decided_at, 'UTC') as day, d.subscription_id, d.subscriber, d.stream_id, d.stream, d.symbol,
  count(*) as decisions,
  count(d.delivery_seq) as deliveries,
  count(*) filter (where d.report = 'EXECUTED') as executed,
  count(*) filter (where d.report = 'REJECTED') as rejected,
  count(*) filter (where d.report = 'FAILED') as failed,
  count(d.delivery_seq) filter (where coalesce(d.report, 'UNKNOWN') = 'UNKNOWN') as unanswered,
  round(count(*) filter (where d.report = 'EXECUTED')::numeric / nullif(count(d.delivery_seq), 0), 4) as executed_share,
  avg(d.slippage) as mean_slippage,
  percentile_cont(0.95) within group (order by d.slippage) as p95_slippage,
  max(d.slippage) as worst_slippage,
  percentile_cont(0.5) within group (order by d.answer_ms) as p50_answer_ms,
  percentile_cont(0.99) within group (order by d.answer_ms) as p99_answer_ms
from analytics.decisions as d
group by date_trunc('day', d.decided_at, 'UTC'), d.subscription_id, d.subscriber, d.stream_id, d.stream, d.symbol;

comment on view analytics.copy_quality is 'How well each subscription copies: a row for each day and symbol.';
comment on column analytics.copy_quality.day is 'Begin of the day of the decisions; UTC.';
comment on column analytics.copy_quality.subscription_id is 'Number of the subscription.';
comment on column analytics.copy_quality.subscriber is 'Name of the account that follows.';
comment on column analytics.copy_quality.stream_id is 'Number of the stream.';
comment on column analytics.copy_quality.stream is 'Name of the stream.';
comment on column analytics.copy_quality.symbol is 'As the subscriber''s broker calls it.';
comment on column analytics.copy_quality.decisions is 'How many were made, skips included.';
comment on column analytics.copy_quality.deliveries is 'How many of them were delivered.';
comment on column analytics.copy_quality.executed is 'Deliveries that were executed.';
comment on column analytics.copy_quality.rejected is 'Deliveries that the terminal''s guard rejected.';
comment on column analytics.copy_quality.failed is 'Deliveries that failed at the broker.';
comment on column analytics.copy_quality.unanswered is 'Deliveries without a final report.';
comment on column analytics.copy_quality.executed_share is 'executed / deliveries, 0 to 1; null: nothing was delivered.';
comment on column analytics.copy_quality.mean_slippage is 'Mean, in units of the symbol; positive is worse for the subscriber.';
comment on column analytics.copy_quality.p95_slippage is '95th percentile, in units of the symbol.';
comment on column analytics.copy_quality.worst_slippage is 'Largest, in units of the symbol.';
comment on column analytics.copy_quality.p50_answer_ms is 'Median from decision to report; milliseconds.';
comment on column analytics.copy_quality.p99_answer_ms is '99th percentile from decision to report; milliseconds.';
