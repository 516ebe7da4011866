-- requires: audit/note core/fail core/fail_rule core/now
-- It locks nothing but its own row, so that it waits for nobody who trades. A name that nothing has is refused: whoever mistyped it
-- would believe that it is halted.
create or replace function signals.halt(p_scope text, p_subject text, p_reason text, p_actor text) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_detail jsonb := jsonb_build_object('scope', p_scope, 'subject', p_subject);
  v_before jsonb;
  v_constraint text;
  v_column text;
begin
  if coalesce(trim(p_reason), '') = '' or coalesce(trim(p_actor), '') = '' then
    perform core.fail('TRS42', v_detail || jsonb_build_object('rule', 'actor_and_reason'));
  end if;
  select to_jsonb(h) into v_before from signals.halts as h where h.scope = p_scope and h.subject = coalesce(p_subject, '');
  begin
    insert into signals.halts (scope, subject, reason, actor, since)
    values (p_scope, coalesce(p_subject, ''), p_reason, p_actor, core.now())
    on conflict on constraint halts_pk do update set reason = excluded.reason, actor = excluded.actor;
  exception when integrity_constraint_violation then
    get stacked diagnostics v_constraint = constraint_name, v_column = column_name;
    perform core.fail_rule('TRS42', v_detail, v_constraint, 'halts', v_column);
  end;
  if not (case p_scope
    when 'GLOBAL' then true
    when 'STREAM' then exists (select from signals.streams as s where s.stream_id = p_subject::bigint)
    when 'ACCOUNT' then exists (select from access.accounts as a where a.account_id = p_subject::bigint)
    else
      exists (select from signals.instruments as i where i.symbol = p_subject)
      or exists (select from signals.symbol_resolutions as r where r.symbol = p_subject)
  end) then
    perform core.fail('TRS42', v_detail || jsonb_build_object('rule', 'subject_known'));
  end if;
  perform audit.note(
    'signals.halt', null, v_detail, p_actor, p_reason, v_before,
    (select to_jsonb(h) from signals.halts as h where h.scope = p_scope and h.subject = coalesce(p_subject, ''))
  );
  perform pg_notify('ecp_alerts', (jsonb_build_object('what', 'halt') || v_detail)::text);
end
$$;

comment on function signals.halt(text, text, text, text) is
'Stops everything that raises exposure: all of it (GLOBAL, without a subject), of a STREAM, of an ACCOUNT as provider and as subscriber,
or in a SYMBOL, as a master or a broker calls it. It holds from its commit on, for what is not yet dispatched too; closes pass. Halting
twice changes who and why. Fails with TRS42.';
