-- requires: audit/note core/fail core/now billing/account_of billing/lock_wallet billing/next_boundary billing/open_wallet billing/review
-- Openings cost by it from the next one on. Performance and management fees are settled by the plan before it until the running period
-- ends, so that no profit is ever charged by a rate that was written after it was made.
create or replace function billing.assign_plan(p_subscription bigint, p_plan bigint, p_actor text) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_subscription signals.subscriptions;
  v_plan billing.fee_plans;
  v_provider bigint;
  v_wallet bigint;
  v_payable bigint;
  v_revenue bigint;
  v_rule text;
  v_now timestamptz := core.now();
begin
  select s.* into v_subscription from signals.subscriptions as s where s.subscription_id = p_subscription;
  if v_subscription.subscription_id is null then
    perform core.fail('TRS17', jsonb_build_object('subscription', p_subscription));
  end if;
  perform 1 from signals.subscription_heads as h
  where h.lane = v_subscription.lane and h.subscription_id = p_subscription
  for no key update;
  select s.* into v_subscription from signals.subscriptions as s
  where s.lane = v_subscription.lane and s.subscription_id = p_subscription;
  select f.* into v_plan from billing.fee_plans as f where f.fee_plan_id = p_plan;
  v_rule := case
    when coalesce(p_actor, '') = '' then 'actor_said'
    when v_plan.stream_id is distinct from v_subscription.stream_id then 'plan_of_the_stream'
    when v_subscription.state = 'ENDED' then 'subscription_lives'
    -- High-water mark, remainders and arrears are amounts of it.
    when exists (
      select
      from billing.agreements as g
      inner join billing.fee_plans as f on f.fee_plan_id = g.fee_plan_id
      where g.lane = v_subscription.lane and g.subscription_id = p_subscription and f.currency <> v_plan.currency
    ) then 'currency_of_the_agreement'
    -- Profit is in the broker account's money.
    when v_plan.performance_rate + v_plan.management_rate > 0 and exists (
      select from signals.portfolios as p
      where p.lane = v_subscription.lane and p.portfolio_id = v_subscription.portfolio_id and p.currency <> v_plan.currency
    ) then 'currency_of_the_portfolio'
  end;
  if v_rule is not null then
    perform core.fail('TRB11', jsonb_build_object('subscription', p_subscription, 'plan', p_plan, 'rule', v_rule));
  end if;
  select s.account_id into v_provider from signals.streams as s where s.stream_id = v_subscription.stream_id;
  v_wallet := billing.open_wallet(v_subscription.account_id, v_plan.currency);
  v_payable := billing.account_of(v_subscription.lane, 'PAYABLE', v_provider, v_plan.currency);
  v_revenue := billing.account_of(v_subscription.lane, 'REVENUE', null, v_plan.currency);
  perform billing.lock_wallet(v_subscription.lane, v_wallet);
  insert into billing.agreements as g (
    lane, subscription_id, stream_id, fee_plan_id, wallet_id, payable_id, revenue_id, is_measured, settled_at, due_at
  )
  values (
    v_subscription.lane, p_subscription, v_subscription.stream_id, p_plan, v_wallet, v_payable, v_revenue,
    v_plan.performance_rate > 0, v_now, billing.next_boundary(v_plan.period, v_now)
  )
  on conflict (lane, subscription_id) do update
  set
    next_plan_id = nullif(p_plan, g.fee_plan_id), is_measured = g.is_measured or excluded.is_measured, wanted = 0;
  update signals.subscriptions as s
  set fee_plan_id = p_plan, fee_wallet_id = case when v_plan.flat + v_plan.per_lot > 0 then v_wallet end
  where s.lane = v_subscription.lane and s.subscription_id = p_subscription;
  perform audit.note(
    'billing.assign_plan', v_subscription.lane, jsonb_build_object('subscription_id', p_subscription), p_actor, null,
    jsonb_build_object('fee_plan_id', v_subscription.fee_plan_id), jsonb_build_object('fee_plan_id', p_plan)
  );
  perform billing.review(v_subscription.lane, array[v_wallet]);
end
$$;

comment on function billing.assign_plan(bigint, bigint, text) is
'A subscription pays by this plan of its stream: for openings from now on, for performance and management from its next period on (at
once, if it had none). Opens the wallet. Fails with TRA08, TRB11, TRS17.';
