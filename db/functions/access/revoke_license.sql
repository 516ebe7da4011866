-- requires: access/lift_fences access/may_touch core/fail core/now
-- Revoking again keeps who did it first, when and why.
create or replace function access.revoke_license(
  p_license uuid, p_reason text default null, p_actor text default 'operator'
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_session uuid;
begin
  perform 1 from access.licenses as l
  where l.license_id = p_license and access.may_touch('account', l.account_id)
  for update;
  if not found then
    perform core.fail('TRA01', jsonb_build_object('license', p_license));
  end if;
  update access.licenses as l
  set revoked_at = core.now(), revoked_by = p_actor, revoked_reason = p_reason
  where l.license_id = p_license and l.revoked_at is null;
  update access.sessions as s set ended_at = core.now(), ended_by = 'REVOKED'
  where s.license_id = p_license and s.ended_at is null
  returning s.session_id into v_session;
  perform access.lift_fences(array[v_session]);
end
$$;

comment on function access.revoke_license(uuid, text, text) is
'Ends a license and its live session at once, and keeps who did it and why. Fails with TRA01.';
