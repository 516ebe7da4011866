-- requires: core/deal_lane core/fail_rule core/now
create or replace function access.create_account(p_name text, p_roles text[], p_lane smallint default null) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account bigint := nextval('access.accounts_account_id_seq');
  v_constraint text;
  v_column text;
begin
  begin
    insert into access.accounts (lane, account_id, name, roles, created_at) overriding system value
    values (coalesce(p_lane, core.deal_lane(v_account)), v_account, p_name, p_roles, core.now());
  exception when integrity_constraint_violation then
    get stacked diagnostics v_constraint = constraint_name, v_column = column_name;
    perform core.fail_rule('TRA10', jsonb_build_object('name', p_name), v_constraint, 'accounts', v_column);
  end;
  return v_account;
end
$$;

comment on function access.create_account(text, text[], smallint) is
'A new account; roles of provider, subscriber, operator. The lane is dealt unless given. Returns account_id. Fails with TRA10.';
