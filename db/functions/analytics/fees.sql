-- A barrier view of ecp_reader's: who reads it has no right on the tables, and the row policies say which rows are his.
create or replace view analytics.fees with (security_barrier = true) as
select
  t.occurred_at, t.kind, t.subscription_id, s.stream_id, s.stream_name as stream, t.delivery_seq, t.currency, t.amount,
  c.kind = 'REVENUE' as is_platforms, t.period
from billing.transfers as t
inner join billing.ledger_accounts as c on c.lane = t.lane and c.ledger_account_id = t.credit_id
inner join signals.subscriptions as s on s.lane = t.lane and s.subscription_id = t.subscription_id
where t.kind in ('COPY_FEE', 'PERFORMANCE_FEE', 'MANAGEMENT_FEE', 'ARREARS');

comment on view analytics.fees is 'Every fee that was charged: a row for the provider''s part and one for the platform''s.';
comment on column analytics.fees.occurred_at is 'When it was charged; UTC.';
comment on column analytics.fees.kind is 'COPY_FEE, PERFORMANCE_FEE, MANAGEMENT_FEE, or ARREARS: one that was due earlier.';
comment on column analytics.fees.subscription_id is 'Number of the subscription that paid.';
comment on column analytics.fees.stream_id is 'Number of the stream that it follows.';
comment on column analytics.fees.stream is 'Name of the stream.';
comment on column analytics.fees.delivery_seq is 'Of a copy fee: the delivery that it was for.';
comment on column analytics.fees.currency is 'What it was charged in.';
comment on column analytics.fees.amount is 'In the currency''s main unit.';
comment on column analytics.fees.is_platforms is 'Whether it is the platform''s part.';
comment on column analytics.fees.period is 'That it was settled for, where it was.';
