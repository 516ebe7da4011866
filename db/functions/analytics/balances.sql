-- A barrier view of ecp_reader's: who reads it has no right on the tables, and the row policies say which rows are his.
create or replace view analytics.balances with (security_barrier = true) as
select l.account_id, a.name as account, l.kind, l.currency, l.balance, l.held, l.balance - l.held as available, l.created_at,
  l.ledger_account_id
from billing.ledger_accounts as l
left join access.accounts as a on a.account_id = l.account_id;

comment on view analytics.balances is 'Ledger accounts as they stand; in each lane and currency they sum to zero.';
comment on column analytics.balances.account_id is 'Number of the account whose money it is; null: the platform''s.';
comment on column analytics.balances.account is 'Name of that account.';
comment on column analytics.balances.kind is
'WALLET: prepaid credit. EARNINGS, PAYABLE: a provider''s, swept and not yet. PLATFORM, REVENUE: the platform''s, likewise. EXTERNAL:
cash outside. TRANSIT: between lanes.';
comment on column analytics.balances.currency is 'What it is in.';
comment on column analytics.balances.balance is 'Sum of its transfers, in the currency''s main unit.';
comment on column analytics.balances.held is 'Of it, promised to deliveries that are not answered yet.';
comment on column analytics.balances.available is 'The rest.';
comment on column analytics.balances.created_at is 'When it was opened; UTC.';
comment on column analytics.balances.ledger_account_id is 'Number of the ledger account.';
