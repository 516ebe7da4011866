-- requires: audit/note core/fail
create or replace function signals.lift_halt(p_scope text, p_subject text, p_reason text, p_actor text) returns boolean
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_before jsonb;
begin
  if coalesce(trim(p_reason), '') = '' or coalesce(trim(p_actor), '') = '' then
    perform core.fail('TRS42', jsonb_build_object('scope', p_scope, 'subject', p_subject, 'rule', 'actor_and_reason'));
  end if;
  delete from signals.halts as h
  where h.scope = p_scope and h.subject = coalesce(p_subject, '')
  returning to_jsonb(h) into v_before;
  if v_before is null then
    return false;
  end if;
  perform audit.note(
    'signals.lift_halt', null, jsonb_build_object('scope', p_scope, 'subject', p_subject), p_actor, p_reason, v_before
  );
  perform pg_notify(
    'ecp_alerts', jsonb_build_object('what', 'lift_halt', 'scope', p_scope, 'subject', p_subject)::text
  );
  return true;
end
$$;

comment on function signals.lift_halt(text, text, text, text) is
'Ends this halt and no other; false: there was none. What was refused stays refused; what followers missed is caught up as their late
join says. Fails with TRS42.';
