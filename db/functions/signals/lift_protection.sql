-- requires: audit/note core/fail core/now signals/hold_portfolio signals/watch_equity
-- What was lost is lost: from here on it is measured anew, but only what this protection counts.
create or replace function signals.lift_protection(p_protection bigint, p_actor text, p_reason text) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_protection signals.protections;
  v_lane smallint;
begin
  select r.* into v_protection
  from signals.protections as r
  where r.protection_id = p_protection and r.removed_at is null and r.triggered_at is not null;
  if v_protection.protection_id is null or coalesce(p_actor, '') = '' or coalesce(p_reason, '') = '' then
    perform core.fail('TRS28', jsonb_build_object('protection', p_protection, 'actor', p_actor, 'reason', p_reason));
  end if;
  v_lane := signals.hold_portfolio(v_protection.portfolio_id);
  update signals.protections as r
  set triggered_at = null, triggered_day = null, triggered_value = null
  where r.lane = v_lane and r.protection_id = p_protection;
  update signals.equities as e
  set
    day_equity = case v_protection.kind when 'DAILY_LOSS' then e.equity else e.day_equity end,
    peak_equity = case v_protection.kind when 'DRAWDOWN' then e.equity else e.peak_equity end
  where e.lane = v_lane and e.portfolio_id = v_protection.portfolio_id and e.subscription_id = v_protection.subscription_id;
  insert into signals.protection_events (lane, occurred_at, origin, code, subscription_id, detail)
  values (
    v_lane, core.now(), 'PLANE', 'TRS35', nullif(v_protection.subscription_id, 0),
    jsonb_build_object('protection', p_protection, 'actor', p_actor, 'reason', p_reason)
  );
  perform audit.note(
    'signals.lift_protection', v_lane, jsonb_build_object('protection_id', p_protection), p_actor, p_reason, to_jsonb(v_protection)
  );
  perform signals.watch_equity(v_lane, array[v_protection.portfolio_id], core.now());
end
$$;

comment on function signals.lift_protection(bigint, text, text) is
'Lets a triggered protection go, and measures its day or peak from the equity of now. Actor and reason are recorded. Fails with TRS28.';
