-- requires: core/deal_lane core/now
create or replace function access.create_account(p_name text, p_roles text[], p_lane smallint default null) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account bigint := nextval('access.accounts_account_id_seq');
begin
  insert into access.accounts (lane, account_id, name, roles, created_at) overriding system value
  values (coalesce(p_lane, core.deal_lane(v_account)), v_account, p_name, p_roles, core.now());
  return v_account;
end
$$;

comment on function access.create_account(text, text[], smallint) is
'A new account; roles of provider, subscriber, operator. The lane is dealt unless given. Returns account_id.';
