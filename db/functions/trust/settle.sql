-- requires: core/now
-- The last thing that a transaction does which has moved scores: states of subscriptions are locked after everything else.
-- Who had paused a subscription before it was paused for this finds it paused when this is over.
create or replace function trust.settle(p_lane smallint) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_accounts bigint[];
  v_settled integer;
begin
  v_accounts := array(
    select u.account_id
    from trust.scores as u
    where u.lane = p_lane and u.role = 'subscriber' and u.is_pausing <> (u.score < 50)
  );
  if v_accounts = '{}' then
    return 0;
  end if;
  perform 1
  from signals.subscriptions as s
  where s.lane = p_lane and s.account_id = any (v_accounts)
  order by s.subscription_id
  for no key update;

  with moves as materialized (
    select s.subscription_id, 1 as place, s.state as from_state, t.cause, t.to_state
    from trust.scores as u
    inner join signals.subscriptions as s on s.lane = p_lane and s.account_id = u.account_id
    inner join signals.subscription_transitions as t
      on t.from_state = s.state and t.cause = case when u.score < 50 then 'toxic' else 'recovered' end
    where u.lane = p_lane and u.role = 'subscriber' and u.account_id = any (v_accounts)
  ), all_moves as materialized (
    select m.* from moves as m
    union all
    select m.subscription_id, 2, m.to_state, t.cause, t.to_state
    from moves as m
    inner join signals.subscription_transitions as t on t.from_state = m.to_state and t.cause = 'user_pause'
    where m.cause = 'recovered' and (
      select e.from_state
      from signals.subscription_events as e
      where e.lane = p_lane and e.subscription_id = m.subscription_id and e.cause = 'toxic'
      order by e.event_id desc
      limit 1
    ) = 'PAUSED_BY_USER'
  ), noted as (
    insert into signals.subscription_events (lane, subscription_id, from_state, to_state, cause, actor, occurred_at)
    select p_lane, m.subscription_id, m.from_state, m.to_state, m.cause, 'trust', core.now()
    from all_moves as m
    order by m.subscription_id, m.place
  )
  update signals.subscriptions as s
  set state = m.to_state
  from (select distinct on (w.subscription_id) w.* from all_moves as w order by w.subscription_id, w.place desc) as m
  where s.lane = p_lane and s.subscription_id = m.subscription_id;
  get diagnostics v_settled = row_count;

  update trust.scores as u
  set is_pausing = u.score < 50
  where u.lane = p_lane and u.role = 'subscriber' and u.account_id = any (v_accounts);
  return v_settled;
end
$$;

comment on function trust.settle(smallint) is
'Pauses the subscriptions of accounts whose score has come under 50, and lets go those of accounts that are back at it. Returns how many
changed their state.';
