-- requires: audit/note core/fail core/now signals/hold_portfolio signals/watch_equity
create or replace function signals.remove_protection(p_protection bigint, p_actor text) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_portfolio bigint;
  v_lane smallint;
begin
  select r.portfolio_id into v_portfolio from signals.protections as r
  where r.protection_id = p_protection and r.removed_at is null;
  if v_portfolio is null or coalesce(p_actor, '') = '' then
    perform core.fail('TRS28', jsonb_build_object('protection', p_protection, 'actor', p_actor));
  end if;
  v_lane := signals.hold_portfolio(v_portfolio);
  update signals.protections as r set removed_at = core.now() where r.lane = v_lane and r.protection_id = p_protection;
  insert into signals.protection_events (lane, occurred_at, origin, code, detail)
  values (v_lane, core.now(), 'PLANE', 'TRS35', jsonb_build_object('protection', p_protection, 'actor', p_actor, 'reason', 'removed'));
  perform audit.note('signals.remove_protection', v_lane, jsonb_build_object('protection_id', p_protection), p_actor, null);
  perform signals.watch_equity(v_lane, array[v_portfolio], core.now());
  update signals.portfolios as p
  set is_protected = exists (
    select from signals.protections as r
    where r.lane = v_lane and r.portfolio_id = v_portfolio and r.removed_at is null
  )
  where p.lane = v_lane and p.portfolio_id = v_portfolio;
end
$$;

comment on function signals.remove_protection(bigint, text) is
'Takes a protection away; it stays in the table with the time. Fails with TRS28.';
