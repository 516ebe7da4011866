-- A barrier view of ecp_reader's: who reads it has no right on the tables, and the row policies say which rows are his.
create or replace view analytics.accounts with (security_barrier = true) as
select a.account_id, a.public_id, a.name as account, a.roles, a.status, a.created_at
from access.accounts as a;

comment on view analytics.accounts is 'Each account: a person or firm.';
comment on column analytics.accounts.account_id is 'Number of the account.';
comment on column analytics.accounts.public_id is 'What it is called outside of the plane.';
comment on column analytics.accounts.account is 'Its name.';
comment on column analytics.accounts.roles is 'provider, subscriber, operator, analyst, auditor: one or several.';
comment on column analytics.accounts.status is 'ACTIVE, SUSPENDED or CLOSED.';
comment on column analytics.accounts.created_at is 'When it was made; UTC.';
