-- requires: billing/charge
-- The caller holds the wallet and what it pays into: billing.lock_wallet.
create or replace function billing.pay_arrears(p_lane smallint, p_wallet bigint) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_dues billing.due[];
begin
  with owing as materialized (
    select g.subscription_id, g.fee_plan_id, g.arrears
    from billing.agreements as g
    where g.lane = p_lane and g.wallet_id = p_wallet and g.arrears > 0
  ), asked as (
    -- What cannot be paid now comes back as arrears.
    update billing.agreements as g
    set arrears = 0
    from owing as o
    where g.lane = p_lane and g.subscription_id = o.subscription_id
  )
  select array_agg((o.subscription_id, 'ARREARS', o.arrears, null, o.fee_plan_id, null)::billing.due order by o.subscription_id)
  into v_dues
  from owing as o;
  if v_dues is not null then
    perform billing.charge(p_lane, v_dues);
  end if;
end
$$;

comment on function billing.pay_arrears(smallint, bigint) is 'Pays what the subscriptions of a wallet owe, as far as it goes, in the order of the subscriptions.';
