-- requires: core/now ops/setting
-- A job: idempotent, because a notice that was given is a row. A license that is found within the last notice only gets that one.
create or replace function access.announce_expiry() returns text
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.now();
  v_count integer;
begin
  with noticed as (
    insert into access.expiry_notices (license_id, notice, noticed_at)
    select
      l.license_id, case when l.expires_at <= v_now + ops.setting('last_license_notice') then 'last' else 'first' end, v_now
    from access.licenses as l
    inner join access.accounts as a on a.account_id = l.account_id and a.status = 'ACTIVE'
    where l.expires_at > v_now
      and l.expires_at <= v_now + greatest(ops.setting('first_license_notice'), ops.setting('last_license_notice'))
      and l.revoked_at is null and l.replaced_by is null
    order by l.license_id
    on conflict (license_id, notice) do nothing
    returning license_id, notice
  ), recorded as (
    insert into signals.protection_events (lane, occurred_at, origin, code, detail)
    select
      a.lane, v_now, 'PLANE', 'TRA12',
      jsonb_build_object(
        'license', n.license_id, 'account', a.account_id, 'purpose', l.purpose, 'expires_at', l.expires_at, 'notice', n.notice
      )
    from noticed as n
    inner join access.licenses as l on l.license_id = n.license_id
    inner join access.accounts as a on a.account_id = l.account_id
  )
  select count(*) into v_count from noticed;
  if v_count > 0 then
    perform pg_notify('ecp_alerts', jsonb_build_object('code', 'TRA12', 'licenses', v_count)::text);
    return v_count || ' licenses end soon';
  end if;
  return null;
end
$$;

comment on function access.announce_expiry() is
'Says of every license that expires soon and has no successor that it does, twice at most (settings first_license_notice and
last_license_notice): a protection event TRA12 and a notification on ecp_alerts. Null when there was nothing to say.';
