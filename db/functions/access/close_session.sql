-- requires: core/now
create or replace function access.close_session(p_session uuid) returns void
language sql security definer
set search_path = pg_catalog, pg_temp
as $$
  update access.sessions set ended_at = core.now(), ended_by = 'LOGOUT' where session_id = p_session and ended_at is null
$$;

comment on function access.close_session(uuid) is 'Frees the license for the next client at once.';
