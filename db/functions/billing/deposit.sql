-- requires: billing/account_of billing/lock_wallet billing/pay_arrears billing/request billing/review billing/wallet_of
-- Cash is never refused for the state of who sends it: it has arrived.
create or replace function billing.deposit(p_account bigint, p_currency text, p_amount numeric, p_key text, p_actor text)
returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_wallet billing.ledger_accounts := billing.wallet_of(p_account, p_currency, 'WALLET');
  v_external bigint := billing.account_of(v_wallet.lane, 'EXTERNAL', null, p_currency);
  v_transfer bigint;
begin
  perform billing.lock_wallet(v_wallet.lane, v_wallet.ledger_account_id, array[v_external]);
  v_transfer := billing.request(v_wallet.lane, (
    'DEPOSIT', p_amount, v_external, v_wallet.ledger_account_id,
    coalesce(p_key, ''), null, null, null, null, null, null, p_actor
  )::billing.posting);
  perform billing.pay_arrears(v_wallet.lane, v_wallet.ledger_account_id);
  perform billing.review(v_wallet.lane, array[v_wallet.ledger_account_id]);
  return v_transfer;
end
$$;

comment on function billing.deposit(bigint, text, numeric, text, text) is
'Money that has arrived, into a wallet: pays arrears first, and unlocks who can pay again. Asked again with the same key it returns the
same transfer_id. Fails with TRB01, TRB03, TRB05, TRB08, TRB13.';
