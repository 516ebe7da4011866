-- requires: signals/catch_up signals/transition
-- Takes the fence of the subscription for this session, like signals.open_stream does for a master. The account's lane
-- holds both the session and the subscription.
create or replace function signals.resume(p_lane smallint, p_session uuid, p_subscription bigint, p_last bigint)
returns table (
  code text, detail text, stream text, state text, delivery_seq bigint, portfolio_id bigint, mode text
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
declare
  v_owner record;
  v_subscription signals.subscriptions;
  v_head signals.subscription_heads;
  v_code text;
begin
  select l.account_id, l.purpose into v_owner
  from access.sessions as s
  inner join access.licenses as l on l.license_id = s.license_id
  where s.lane = p_lane and s.session_id = p_session and s.ended_at is null
  for share of s;
  perform 1
  from signals.subscription_heads as h
  where h.lane = p_lane and h.subscription_id = p_subscription
  for no key update;
  -- Catch-up will want it, and a report that pauses the account waits for the subscription with the wallet in its hand.
  perform 1
  from billing.ledger_accounts as a
  where a.lane = p_lane and a.ledger_account_id = (
    select g.wallet_id from billing.agreements as g where g.lane = p_lane and g.subscription_id = p_subscription
  )
  for no key update;
  select s.* into v_subscription
  from signals.subscriptions as s
  where s.lane = p_lane and s.subscription_id = p_subscription and s.account_id = v_owner.account_id
  for no key update;
  select h.* into v_head
  from signals.subscription_heads as h
  where h.lane = p_lane and h.subscription_id = v_subscription.subscription_id;
  v_code := case
    when v_owner.account_id is null then 'TRA06'
    when v_owner.purpose <> 'subscribe' then 'TRA07'
    when v_subscription.subscription_id is null then 'TRS17'
    when p_last is null or p_last > v_head.delivery_seq then 'TRS18'
  end;
  -- An EA that is ahead of us has another history: it may not open anything until that is settled.
  if v_code = 'TRS18' and v_subscription.state = 'SYNCED' then
    v_subscription.state := signals.transition(p_subscription, 'gap', 'resume');
  elsif v_code is null and v_subscription.state = 'DEGRADED_GAP' then
    v_subscription.state := signals.transition(p_subscription, 'resumed', 'resume');
  end if;
  if v_code is not null then
    return query select
      v_code, p_subscription::text, null::text, v_subscription.state, v_head.delivery_seq, null::bigint, null::text;
    return;
  end if;
  update signals.subscription_heads as h
  set session_id = p_session, acknowledged_seq = greatest(h.acknowledged_seq, p_last)
  where h.lane = p_lane and h.subscription_id = p_subscription;
  perform signals.catch_up(p_lane, array[p_subscription], 'resume');
  return query
  select
    null::text, p_subscription::text, v_subscription.stream_name, v_subscription.state, h.delivery_seq, p.portfolio_id, p.mode
  from signals.subscription_heads as h
  cross join signals.portfolios as p
  where h.lane = p_lane and h.subscription_id = p_subscription
    and p.lane = p_lane and p.portfolio_id = v_subscription.portfolio_id;
end
$$;

comment on function signals.resume(smallint, uuid, bigint, bigint) is
'Makes the session the one copier of the subscription, which has processed deliveries up to p_last.
code: TRA06, TRA07, TRS17, TRS18, or null with the newest delivery_seq, catch-up included; signals.deliveries has the rest.';
