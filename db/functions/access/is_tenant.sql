-- requires: access/acting_as
-- Who is of the house may be a tenant too, and a superuser is everything: they judge for themselves what they may do.
create or replace function access.is_tenant() returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select pg_has_role(a.role, 'ecp_tenant', 'usage') and not (
    pg_has_role(a.role, 'ecp_operator', 'usage') or pg_has_role(a.role, 'ecp_analyst', 'usage')
    or pg_has_role(a.role, 'ecp_auditor', 'usage')
  )
  from access.acting_as() as a (role)
$$;

comment on function access.is_tenant() is 'Whether whoever called may touch only what belongs to the account that access.act_for or access.admit bound.';
