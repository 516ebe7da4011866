-- requires: billing/charge billing/next_boundary billing/performance_fee billing/review
-- One subscription up to one boundary, by what was recorded before it: a run that comes late charges what a run in time would have.
create or replace function billing.settle_agreement(p_lane smallint, p_subscription bigint, p_until timestamptz) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_agreement billing.agreements;
  v_plan billing.fee_plans;
  v_digits smallint;
  v_realised numeric;
  v_capital numeric;
  v_ended_at timestamptz;
  v_management numeric;
  v_fee record;
  v_dues billing.due[];
begin
  select g.* into v_agreement from billing.agreements as g where g.lane = p_lane and g.subscription_id = p_subscription;
  select f.* into v_plan from billing.fee_plans as f where f.fee_plan_id = v_agreement.fee_plan_id;
  select c.digits into v_digits from billing.currencies as c where c.currency = v_plan.currency;
  -- E as it stood at the boundary.
  select v_agreement.realised - coalesce(sum(f.profit), 0) into v_realised
  from billing.fills as f
  where f.lane = p_lane and f.subscription_id = p_subscription and not f.opens and f.recorded_at >= p_until;
  select p.* into v_fee
  -- What was made while it cost nothing is never charged: H rises with it.
  from billing.performance_fee(
    v_realised, v_agreement.high_water_mark, v_plan.performance_rate, v_agreement.performance_remainder, v_digits
  ) as p;
  select coalesce(k.capital, p.balance, 0), s.ended_at into v_capital, v_ended_at
  from signals.subscriptions as s
  inner join signals.copy_settings as k on k.lane = p_lane and k.subscription_id = s.subscription_id and k.version = s.settings_version
  inner join signals.portfolios as p on p.lane = p_lane and p.portfolio_id = s.portfolio_id
  where s.lane = p_lane and s.subscription_id = p_subscription;
  v_management := v_agreement.management_remainder + v_plan.management_rate * greatest(v_capital, 0)
    -- Nothing is managed after the end.
    * extract(epoch from greatest(least(p_until, v_ended_at) - v_agreement.settled_at, interval '0')) / (365 * 86400);
  update billing.agreements as g
  set
    settled_at = p_until, due_at = billing.next_boundary(
      (select f.period from billing.fee_plans as f where f.fee_plan_id = coalesce(g.next_plan_id, g.fee_plan_id)), p_until
    ), high_water_mark = v_fee.high_water_mark, performance_remainder = v_fee.remainder,
    management_remainder = v_management - trunc(v_management, v_digits), fee_plan_id = coalesce(g.next_plan_id, g.fee_plan_id),
    next_plan_id = null
  where g.lane = p_lane and g.subscription_id = p_subscription;
  select array_agg(
    (p_subscription, d.kind, d.amount, null, v_plan.fee_plan_id, tstzrange(v_agreement.settled_at, p_until))::billing.due order by d.place
  )
  into v_dues
  from (
    values (1, 'PERFORMANCE_FEE', v_fee.fee), (2, 'MANAGEMENT_FEE', trunc(v_management, v_digits))
  ) as d (place, kind, amount)
  where d.amount > 0;
  if v_dues is not null then
    perform billing.charge(p_lane, v_dues);
    perform billing.review(p_lane, array[v_agreement.wallet_id]);
  end if;
end
$$;

comment on function billing.settle_agreement(smallint, bigint, timestamptz) is
'Charges a subscription what its plan makes of the time up to p_until, and puts the next plan in force. The caller holds head and wallet.';
