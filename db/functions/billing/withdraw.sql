-- requires: billing/account_of billing/request billing/wallet_of
-- What is held is promised, and what is in arrears is owed: a wallet with arrears has nothing left anyhow.
create or replace function billing.withdraw(
  p_account bigint, p_currency text, p_amount numeric, p_key text, p_actor text, p_from text default 'WALLET'
) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_wallet billing.ledger_accounts := billing.wallet_of(p_account, p_currency, p_from);
begin
  return billing.request(v_wallet.lane, (
    'WITHDRAWAL', p_amount, v_wallet.ledger_account_id, billing.account_of(v_wallet.lane, 'EXTERNAL', null, p_currency),
    coalesce(p_key, ''), null, null, null, null, null, null, p_actor
  )::billing.posting);
end
$$;

comment on function billing.withdraw(bigint, text, numeric, text, text, text) is
'Money that is paid out of a WALLET, at most what is available there, or of a provider''s EARNINGS. Asked again with the same key it
returns the same transfer_id. Fails with TRB01, TRB03, TRB04, TRB05, TRB08, TRB13.';
