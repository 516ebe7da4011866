-- requires: core/now
-- After money has moved. States of subscriptions are locked after everything else, and in order; dispatch comes here in every turn. So
-- a subscription that somebody is changing this very moment is not waited for: billing.expire_holds looks again within a minute.
create or replace function billing.review(p_lane smallint, p_wallets bigint[]) returns void
language sql
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
  with judged as materialized (
    select g.subscription_id, case when g.arrears > 0 or w.available < g.wanted then 'no_funds' else 'funded' end as cause
    from billing.agreements as g
    cross join lateral (
      select w.balance - w.held as available
      from billing.ledger_accounts as w
      where w.lane = p_lane and w.ledger_account_id = g.wallet_id
      limit 1
    ) as w
    where g.lane = p_lane and g.wallet_id = any (p_wallets)
  ), moved as materialized (
    select s.subscription_id, s.state, j.cause, t.to_state
    from judged as j
    cross join lateral (
      select x.subscription_id, x.state
      from signals.subscriptions as x
      where x.lane = p_lane and x.subscription_id = j.subscription_id
        and (x.state = 'LOCKED_NO_FUNDS') = (j.cause = 'funded')
      for no key update skip locked
    ) as s
    inner join signals.subscription_transitions as t on t.from_state = s.state and t.cause = j.cause
  ), changed as (
    update signals.subscriptions as s
    set state = (select m.to_state from moved as m where m.subscription_id = s.subscription_id)
    where s.lane = p_lane and s.subscription_id = any (array(select m.subscription_id from moved as m))
  ), forgotten as (
    update billing.agreements as g
    set wanted = 0
    where g.lane = p_lane and g.wanted > 0
      and g.subscription_id = any (array(select j.subscription_id from judged as j where j.cause = 'funded'))
  )
  insert into signals.subscription_events (lane, subscription_id, from_state, to_state, cause, actor, occurred_at)
  select p_lane, m.subscription_id, m.state, m.to_state, m.cause, 'plane', core.now()
  from moved as m
  order by m.subscription_id
$$;

comment on function billing.review(smallint, bigint[]) is
'Unlocks the subscriptions that these wallets can pay for again, and locks those that are in arrears or could not have their last fee
held. The caller holds the wallets.';
