-- requires: core/fail billing/lock_wallet billing/pay_arrears billing/request billing/review
create or replace function billing.refund(p_subscription bigint, p_delivery_seq bigint, p_actor text, p_reason text) returns numeric
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_agreement billing.agreements;
  v_fee billing.transfers;
  v_total numeric := 0;
begin
  if coalesce(p_reason, '') = '' then
    perform core.fail('TRB13', jsonb_build_object('subscription', p_subscription, 'reason', p_reason));
  end if;
  select g.* into v_agreement
  from signals.subscriptions as s
  inner join billing.agreements as g on g.lane = s.lane and g.subscription_id = s.subscription_id
  where s.subscription_id = p_subscription;
  perform billing.lock_wallet(v_agreement.lane, v_agreement.wallet_id);
  for v_fee in
    select t.*
    from billing.transfers as t
    where t.lane = v_agreement.lane and t.subscription_id = p_subscription and t.delivery_seq = p_delivery_seq and t.kind = 'COPY_FEE'
    order by t.transfer_id
  loop
    perform billing.request(v_fee.lane, (
      'REFUND', v_fee.amount, v_fee.credit_id, v_fee.debit_id, null, p_subscription, null, null, null, v_fee.transfer_id, p_reason,
      p_actor
    )::billing.posting);
    v_total := v_total + v_fee.amount;
  end loop;
  if v_total = 0 then
    perform core.fail('TRB12', jsonb_build_object('subscription', p_subscription, 'delivery_seq', p_delivery_seq));
  end if;
  perform billing.pay_arrears(v_agreement.lane, v_agreement.wallet_id);
  perform billing.review(v_agreement.lane, array[v_agreement.wallet_id]);
  return v_total;
end
$$;

comment on function billing.refund(bigint, bigint, text, text) is
'Gives the fee of a delivery back, the provider''s part and the platform''s, once. Returns the amount. Fails with TRB07, TRB12, TRB13.';
