-- requires: audit/note core/fail core/now trust/hold trust/lanes_of trust/settle
-- In every lane where the account acts in this role, in the order of lanes.
create or replace function trust.reset(p_account bigint, p_role text, p_score integer, p_reason text, p_actor text)
returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_lane smallint;
begin
  if not exists (
    select from access.accounts as a
    where a.account_id = p_account and p_role = any (a.roles) and p_role in ('provider', 'subscriber')
  ) then
    perform core.fail('TRT01', jsonb_build_object('account', p_account, 'role', p_role));
  elsif coalesce(trim(p_reason), '') = '' or coalesce(trim(p_actor), '') = '' then
    perform core.fail('TRT02', jsonb_build_object('account', p_account, 'actor', p_actor, 'reason', p_reason));
  elsif (p_score between 0 and 100) is not true then
    perform core.fail('TRT03', jsonb_build_object('account', p_account, 'score', p_score));
  end if;
  for v_lane in select l.lane from trust.lanes_of(p_account, p_role) as l order by l.lane loop
    perform trust.hold(v_lane, p_role, array[p_account]);
    insert into trust.events (
      lane, account_id, role, code, points, score_before, score_after, actor, reason, occurred_at
    )
    select v_lane, p_account, p_role, 'RESET', p_score - s.score, s.score, p_score, p_actor, p_reason, core.now()
    from trust.scores as s
    where s.lane = v_lane and s.account_id = p_account and s.role = p_role;
    perform audit.note(
      'trust.reset', v_lane, jsonb_build_object('account_id', p_account, 'role', p_role), p_actor, p_reason,
      jsonb_build_object('score', s.score), jsonb_build_object('score', p_score)
    )
    from trust.scores as s
    where s.lane = v_lane and s.account_id = p_account and s.role = p_role;
    update trust.scores as s
    set score = p_score, recovered_at = core.now(), changed_at = core.now()
    where s.lane = v_lane and s.account_id = p_account and s.role = p_role;
    perform trust.settle(v_lane);
  end loop;
end
$$;

comment on function trust.reset(bigint, text, integer, text, text) is
'Sets an account''s score as provider or subscriber, and pauses or lets go what follows from it. Actor and reason are recorded.
Fails with TRT01, TRT02, TRT03.';
