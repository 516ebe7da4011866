-- The one place that says whether a license may be used; at Hello, and again at every renewal.
create or replace function access.license_refusal(
  p_license access.licenses, p_account_status text, p_peer inet, p_now timestamptz
) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when p_license.revoked_at is not null then 'TRA03'
    when p_license.expires_at <= p_now then 'TRA02'
    when p_account_status <> 'ACTIVE' then 'TRA08'
    when p_license.networks is not null and not p_peer <<= any (p_license.networks) then 'TRA04'
  end
$$;

comment on function access.license_refusal(access.licenses, text, inet, timestamptz) is
'Why this license may not be used from this peer now; null when it may.';
