-- requires: access/lift_fences core/fail core/now
-- Its subscriptions stay as they are: closes are decided and wait for its return, and an alarm says how long they have waited. Whoever
-- means to stop openings and nothing else halts the account instead.
create or replace function access.set_account_status(p_account bigint, p_status text, p_reason text, p_actor text) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_detail jsonb := jsonb_build_object('account', p_account, 'status', p_status);
  v_status text;
  v_sessions uuid[];
begin
  if coalesce(trim(p_reason), '') = '' or coalesce(trim(p_actor), '') = '' then
    perform core.fail('TRA10', v_detail || jsonb_build_object('rule', 'actor_and_reason'));
  elsif p_status is null or p_status not in ('ACTIVE', 'SUSPENDED') then
    perform core.fail('TRA10', v_detail || jsonb_build_object('rule', 'status_known'));
  end if;
  select a.status into v_status from access.accounts as a where a.account_id = p_account for no key update;
  if not found then
    perform core.fail('TRA10', v_detail || jsonb_build_object('rule', 'account_known'));
  elsif v_status = 'CLOSED' then
    perform core.fail('TRA10', v_detail || jsonb_build_object('rule', 'account_closed'));
  end if;
  update access.accounts as a
  set status = p_status, status_by = p_actor, status_reason = p_reason
  where a.account_id = p_account and a.status <> p_status;
  if p_status = 'SUSPENDED' then
    -- Who is opening a session now has his license locked: his session is seen below, and who comes later sees the status.
    perform 1 from access.licenses as l where l.account_id = p_account order by l.license_id for update;
    with found as (
      select s.session_id
      from access.sessions as s
      inner join access.licenses as l on l.license_id = s.license_id
      where l.account_id = p_account and s.ended_at is null
      order by s.session_id
      for no key update of s
    ), ended as (
      update access.sessions as s set ended_at = core.now(), ended_by = 'SUSPENDED'
      from found
      where s.session_id = found.session_id
      returning s.session_id
    )
    select array_agg(e.session_id) into v_sessions from ended as e;
    perform access.lift_fences(v_sessions);
  end if;
end
$$;

comment on function access.set_account_status(bigint, text, text, text) is
'SUSPENDED ends every session of the account at once, and lets it open none, by TCP, API or psql, until it is ACTIVE again. What is so
already keeps who said so first, and why. Fails with TRA10.';
