-- requires: access/lift_fences core/fail core/now
create or replace function access.revoke_license(p_license uuid) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_session uuid;
begin
  update access.licenses as l set revoked_at = coalesce(l.revoked_at, core.now()) where l.license_id = p_license;
  if not found then
    perform core.fail('TRA01', jsonb_build_object('license', p_license));
  end if;
  update access.sessions as s set ended_at = core.now(), ended_by = 'REVOKED'
  where s.license_id = p_license and s.ended_at is null
  returning s.session_id into v_session;
  perform access.lift_fences(array[v_session]);
end
$$;

comment on function access.revoke_license(uuid) is 'Ends a license and its live session at once. Fails with TRA01.';
