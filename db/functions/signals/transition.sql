-- requires: access/is_tenant access/may_touch core/fail core/now
create or replace function signals.transition(p_subscription bigint, p_cause text, p_actor text) returns text
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_subscription signals.subscriptions;
  v_to text;
begin
  select s.* into v_subscription
  from signals.subscriptions as s
  where s.subscription_id = p_subscription and access.may_touch('subscription', p_subscription)
  for no key update;
  select t.to_state into v_to
  from signals.subscription_transitions as t
  where t.from_state = v_subscription.state and t.cause = p_cause;
  if v_subscription.subscription_id is null then
    perform core.fail('TRS17', jsonb_build_object('subscription', p_subscription));
  elsif v_to is null or (p_cause not in ('user_pause', 'user_resume', 'end') and access.is_tenant()) then
    perform core.fail(
      'TRS23', jsonb_build_object('subscription', p_subscription, 'state', v_subscription.state, 'cause', p_cause)
    );
  end if;
  update signals.subscriptions as s
  set state = v_to, ended_at = case when v_to = 'ENDED' then core.now() end
  where s.lane = v_subscription.lane and s.subscription_id = p_subscription;
  insert into signals.subscription_events (lane, subscription_id, from_state, to_state, cause, actor, occurred_at)
  values (v_subscription.lane, p_subscription, v_subscription.state, v_to, p_cause, p_actor, core.now());
  return v_to;
end
$$;

comment on function signals.transition(bigint, text, text) is
'Moves a subscription along signals.subscription_transitions and records cause and actor. Returns the new state. Fails with TRS17, TRS23.';
