-- With the rights of who asks, so current_user is who reads the view. Whom this does not name sees what access.act_for bound.
create or replace function access.sees_all() returns boolean
language sql stable
as $$
  select pg_catalog.bool_or(pg_catalog.pg_has_role(current_user, r.name, 'usage'))
  from (values ('ecp_analyst'), ('ecp_auditor'), ('ecp_operator')) as r (name)
$$;

comment on function access.sees_all() is 'Whether who reads is of the house, an analyst, auditor or operator, and sees every tenant''s rows.';
