-- requires: core/fail core/fail_rule core/random_secret core/now
create or replace function access.issue_license(
  p_account bigint, p_purpose text, p_networks cidr[] default null, p_life interval default '30 days'
) returns table (license_id uuid, token text, expires_at timestamptz)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id uuid := gen_random_uuid();
  v_secret bytea := core.random_secret();
  v_now timestamptz := core.now();
  v_constraint text;
  v_column text;
begin
  if not exists (select from access.accounts as a where a.account_id = p_account) then
    perform core.fail('TRA08', jsonb_build_object('account', p_account));
  end if;
  insert into access.licenses (license_id, account_id, purpose, secret_hash, networks, issued_at, expires_at)
  values (v_id, p_account, p_purpose, sha256(v_secret), p_networks, v_now, v_now + p_life);
  return query select v_id, 'ecp_' || replace(v_id::text, '-', '') || '_' || encode(v_secret, 'hex'), v_now + p_life;
exception when integrity_constraint_violation or data_exception then
  get stacked diagnostics v_constraint = constraint_name, v_column = column_name;
  perform core.fail_rule('TRA11', jsonb_build_object('account', p_account), v_constraint, 'licenses', v_column);
end
$$;

comment on function access.issue_license(bigint, text, cidr[], interval) is
'A license of an account for publish, subscribe, executor or api. The token is shown here once and nowhere else.
Fails with TRA08, TRA11.';
