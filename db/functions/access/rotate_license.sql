-- requires: access/issue_license access/may_touch core/fail core/now
-- The old license keeps working for the overlap, so that a running EA is never cut off by its own renewal.
create or replace function access.rotate_license(p_license uuid, p_overlap interval default '1 day')
returns table (license_id uuid, token text, expires_at timestamptz)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_old access.licenses;
  v_new record;
begin
  select l.* into v_old from access.licenses as l where l.license_id = p_license for update;
  if v_old.license_id is null or not access.may_touch('account', v_old.account_id) then
    perform core.fail('TRA01', jsonb_build_object('license', p_license));
  elsif v_old.revoked_at is not null or v_old.replaced_by is not null then
    perform core.fail('TRA03', jsonb_build_object('license', p_license, 'replaced_by', v_old.replaced_by));
  end if;
  select i.* into v_new
  from access.issue_license(v_old.account_id, v_old.purpose, v_old.networks, v_old.expires_at - v_old.issued_at) as i;
  update access.licenses as l
  set replaced_by = v_new.license_id, expires_at = least(l.expires_at, core.now() + p_overlap)
  where l.license_id = p_license;
  return query select v_new.license_id, v_new.token, v_new.expires_at;
end
$$;

comment on function access.rotate_license(uuid, interval) is
'Issues the successor of a license; the old one ends after the overlap. Fails with TRA01, TRA03.';
