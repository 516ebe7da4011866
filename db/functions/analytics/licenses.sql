-- requires: core/now
-- A barrier view of ecp_reader's: who reads it has no right on the tables, and the row policies say which rows are his.
create or replace view analytics.licenses with (security_barrier = true) as
select
  l.license_id, l.account_id, a.name as account, l.purpose, l.networks, l.issued_at, l.expires_at, l.revoked_at, l.revoked_by,
  l.revoked_reason, l.replaced_by, l.revoked_at is null and l.expires_at > core.now() as is_valid
from access.licenses as l
inner join access.accounts as a on a.account_id = l.account_id;

comment on view analytics.licenses is 'Each license, without its secret.';
comment on column analytics.licenses.license_id is 'The part of its token that is no secret.';
comment on column analytics.licenses.account_id is 'Number of the account that it belongs to.';
comment on column analytics.licenses.account is 'Name of the account.';
comment on column analytics.licenses.purpose is 'publish, subscribe, executor or api.';
comment on column analytics.licenses.networks is 'From where it may be used; null: from everywhere.';
comment on column analytics.licenses.issued_at is 'When it was issued; UTC.';
comment on column analytics.licenses.expires_at is 'When it ends; UTC.';
comment on column analytics.licenses.revoked_at is 'When it was revoked; UTC; null: it was not.';
comment on column analytics.licenses.revoked_by is 'Who revoked it.';
comment on column analytics.licenses.revoked_reason is 'Why.';
comment on column analytics.licenses.replaced_by is 'Its successor; both are valid until this one ends.';
comment on column analytics.licenses.is_valid is 'Whether it is neither revoked nor over.';
