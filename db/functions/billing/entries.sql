create or replace view billing.entries with (security_invoker = true) as
select
  t.lane, t.debit_id as ledger_account_id, t.transfer_id, t.kind, t.currency, -t.amount as change, t.debit_balance as balance,
  t.credit_id as other_id, t.subscription_id, t.delivery_seq, t.fee_plan_id, t.period, t.reverses, t.key, t.reason, t.actor,
  t.occurred_at
from billing.transfers as t
union all
select
  t.lane, t.credit_id, t.transfer_id, t.kind, t.currency, t.amount, t.credit_balance, t.debit_id, t.subscription_id, t.delivery_seq,
  t.fee_plan_id, t.period, t.reverses, t.key, t.reason, t.actor, t.occurred_at
from billing.transfers as t;

comment on view billing.entries is
'The two legs of each transfer: what it changed on an account, and the balance after it. Invoker''s rights: for billing.statement and
whoever may read the ledger.';
