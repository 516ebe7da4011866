-- requires: access/may_touch core/fail
create or replace function billing.wallet_of(p_account bigint, p_currency text, p_kind text) returns billing.ledger_accounts
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_wallet billing.ledger_accounts;
begin
  select w.* into v_wallet
  from access.accounts as a
  inner join billing.ledger_accounts as w on w.lane = a.lane and w.account_id = a.account_id
  where a.account_id = p_account and w.kind = p_kind and w.kind in ('WALLET', 'EARNINGS') and w.currency = p_currency
    and access.may_touch('account', p_account);
  if v_wallet.ledger_account_id is null then
    perform core.fail('TRB08', jsonb_build_object('account', p_account, 'currency', p_currency, 'kind', p_kind));
  end if;
  return v_wallet;
end
$$;

comment on function billing.wallet_of(bigint, text, text) is
'The WALLET or EARNINGS of an account in this currency. Fails with TRB08.';
