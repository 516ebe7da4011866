-- requires: core/now billing/charge billing/copy_fee billing/pay_arrears billing/record_fills billing/review billing/settle_due
-- What has become of deliveries, in money. It asks the tables, not the caller: holds that are open and have a final report are settled,
-- however that came, and asked again there are none. The caller holds the heads.
create or replace function billing.settle_deliveries(p_lane smallint, p_subscriptions bigint[], p_delivery_seqs bigint[]) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_wallets bigint[];
  v_due bigint[];
  v_dues billing.due[];
  v_releases billing.release[];
begin
  select
    array_agg(distinct g.wallet_id), array_agg(g.subscription_id order by g.subscription_id) filter (where g.due_at <= core.now())
  into v_wallets, v_due
  from billing.agreements as g
  where g.lane = p_lane and g.subscription_id = any (p_subscriptions);
  if v_wallets is null then
    return;
  end if;
  -- All that these wallets pay into: what is let go here may pay what another subscription owes.
  perform 1
  from billing.ledger_accounts as a
  where a.lane = p_lane and a.ledger_account_id = any (
    array(
      select l.id
      from billing.agreements as g
      cross join lateral (values (g.wallet_id), (g.payable_id), (g.revenue_id)) as l (id)
      where g.lane = p_lane and g.wallet_id = any (v_wallets)
    )
  )
  order by a.ledger_account_id
  for no key update;
  -- What is reported after the end of a period belongs to the next, and to its plan.
  if v_due is not null then
    perform billing.settle_due(p_lane, d.subscription_id) from unnest(v_due) as d (subscription_id);
  end if;

  with answered as materialized (
    select
      h.lane, h.row, h.subscription_id, h.delivery_seq, h.fee_plan_id, h.wallet_id, h.amount, r.status = 'EXECUTED' as is_executed,
      case when r.status = 'EXECUTED' then least(h.amount, billing.copy_fee(p.plan, r.volume, p.digits)) else 0 end as posted
    from (select distinct x.subscription_id, x.delivery_seq from unnest(p_subscriptions, p_delivery_seqs) as x (subscription_id, delivery_seq)) as a
    cross join lateral (
      select x.ctid as row, x.*
      from billing.holds as x
      where x.lane = p_lane and x.subscription_id = a.subscription_id and x.delivery_seq = a.delivery_seq
      limit 1
    ) as h
    cross join lateral (
      select x.status, x.volume
      from signals.reports as x
      where x.lane = p_lane and x.subscription_id = a.subscription_id and x.delivery_seq = a.delivery_seq and x.status <> 'UNKNOWN'
      limit 1
    ) as r
    cross join lateral (
      select x::billing.fee_plans as plan, c.digits
      from billing.fee_plans as x
      inner join billing.currencies as c on c.currency = x.currency
      where x.fee_plan_id = h.fee_plan_id
      limit 1
    ) as p
    -- Here, not above: a plan that is made while there are no holds would look for them by the index of those that are open.
    where h.status = 'HELD'
  ), settled as (
    update billing.holds as h
    set status = case when a.is_executed then 'POSTED' else 'VOIDED' end, posted = a.posted, settled_at = core.now()
    from answered as a
    where h.lane = a.lane and h.ctid = a.row
  )
  select
    array_agg(
      (a.subscription_id, 'COPY_FEE', a.posted, a.delivery_seq, a.fee_plan_id, null)::billing.due
      order by a.subscription_id, a.delivery_seq
    ) filter (where a.posted > 0),
    coalesce(array_agg((a.wallet_id, a.amount)::billing.release), '{}')
  into v_dues, v_releases
  from answered as a;
  v_dues := v_dues || billing.record_fills(p_lane, p_subscriptions, p_delivery_seqs);
  if v_dues is not null or v_releases <> '{}' then
    perform billing.charge(p_lane, coalesce(v_dues, '{}'), v_releases);
  end if;
  perform billing.pay_arrears(p_lane, g.wallet_id)
  from (
    select distinct x.wallet_id from billing.agreements as x where x.lane = p_lane and x.wallet_id = any (v_wallets) and x.arrears > 0
  ) as g;
  perform billing.review(p_lane, v_wallets);
end
$$;

comment on function billing.settle_deliveries(smallint, bigint[], bigint[]) is
'Posts or voids the holds of these deliveries as they were reported, keeps their fills, and charges performance fees that are due by the
trade. Deliveries without a final report are left as they are.';
