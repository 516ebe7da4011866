-- requires: core/fail billing/lock_wallet billing/pay_arrears billing/request billing/review
-- Clearing accounts may go below zero by it: what was swept already is then kept back from what the next fees bring.
create or replace function billing.correct(p_transfer bigint, p_actor text, p_reason text) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_wrong billing.transfers;
  v_transfer bigint;
begin
  select t.* into v_wrong
  from core.lanes as l
  inner join billing.transfers as t on t.lane = l.lane and t.transfer_id = p_transfer;
  if v_wrong.transfer_id is null or v_wrong.kind = 'SWEEP' then
    perform core.fail('TRB12', jsonb_build_object('transfer', p_transfer));
  elsif coalesce(p_reason, '') = '' then
    perform core.fail('TRB13', jsonb_build_object('transfer', p_transfer, 'reason', p_reason));
  elsif exists (select from billing.transfers as t where t.lane = v_wrong.lane and t.reverses = p_transfer) then
    perform core.fail('TRB07', jsonb_build_object('transfer', p_transfer));
  end if;
  perform billing.lock_wallet(v_wrong.lane, v_wrong.debit_id, array[v_wrong.credit_id]);
  v_transfer := billing.request(v_wrong.lane, (
    'CORRECTION', v_wrong.amount, v_wrong.credit_id, v_wrong.debit_id, null, v_wrong.subscription_id, null, null, null, p_transfer,
    p_reason, p_actor
  )::billing.posting);
  perform billing.pay_arrears(v_wrong.lane, v_wrong.debit_id);
  perform billing.review(v_wrong.lane, array[v_wrong.debit_id]);
  return v_transfer;
end
$$;

comment on function billing.correct(bigint, text, text) is
'Takes a transfer back by its counter-entry, once. Returns the transfer_id of that. Fails with TRB04, TRB07, TRB12, TRB13.';
