-- requires: core/fail
create or replace function access.require_scope(p_account bigint, p_scope text) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_scope is distinct from 'tenant' and not exists (
    select from access.accounts as a
    where a.account_id = p_account and p_scope = any (a.roles) and p_scope in ('operator', 'analyst', 'auditor')
  ) then
    perform core.fail('TRW14', jsonb_build_object('account', p_account, 'scope', p_scope));
  end if;
end
$$;

comment on function access.require_scope(bigint, text) is
'Fails with TRW14 where an account may not have this scope: everybody is a tenant, the others are roles of the account.';
