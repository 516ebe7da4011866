-- requires: core/fail billing/account_of
create or replace function billing.open_wallet(p_account bigint, p_currency text) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_lane smallint;
begin
  select a.lane into v_lane from access.accounts as a
  where a.account_id = p_account and a.status = 'ACTIVE' and 'subscriber' = any (a.roles);
  if v_lane is null then
    perform core.fail('TRA08', jsonb_build_object('account', p_account));
  end if;
  return billing.account_of(v_lane, 'WALLET', p_account, p_currency);
end
$$;

comment on function billing.open_wallet(bigint, text) is
'A subscriber''s wallet of this currency, new or as it is. Returns ledger_account_id. Fails with TRA08, TRB02.';
