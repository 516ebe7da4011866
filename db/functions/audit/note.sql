-- requires: access/caller core/now
create or replace function audit.note(
  p_kind text, p_lane smallint, p_subject jsonb, p_actor text, p_reason text, p_before jsonb default null, p_after jsonb default null
) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  insert into audit.records (occurred_at, kind, lane, subject, actor, login, reason, before, after)
  values (
    core.now(), p_kind, p_lane, p_subject,
    coalesce(
      nullif(p_actor, ''), (select a.name from access.accounts as a where a.account_id = access.caller()), session_user
    ),
    session_user, nullif(p_reason, ''), p_before, p_after
  )
$$;

comment on function audit.note(text, smallint, jsonb, text, text, jsonb, jsonb) is
'Records what somebody did. Called by the functions that operators call, within their transaction; without p_actor it was
the account that is bound, or the login.';
