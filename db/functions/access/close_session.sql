-- requires: access/lift_fences core/now
create or replace function access.close_session(p_session uuid) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update access.sessions as s
  set ended_at = core.now(), ended_by = 'LOGOUT'
  where s.session_id = p_session and s.ended_at is null;
  perform access.lift_fences(array[p_session]);
end
$$;

comment on function access.close_session(uuid) is 'Frees the license for the next client at once.';
