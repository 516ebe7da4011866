-- requires: access/acting_as access/license_refusal core/fail core/now
create or replace function access.require_license(p_license access.licenses, p_peer inet) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  -- The API sees the address of its caller; from others it would be their own word. A local socket has none.
  v_peer inet := coalesce(case when access.acting_as() = 'ecp_api' then p_peer end, inet_client_addr(), '127.0.0.1');
  v_status text;
  v_code text;
begin
  select a.status into v_status from access.accounts as a where a.account_id = p_license.account_id;
  v_code := coalesce(
    access.license_refusal(p_license, v_status, v_peer, core.now()), case when p_license.purpose <> 'api' then 'TRA07' end
  );
  if v_code is not null then
    perform core.fail(v_code);
  end if;
end
$$;

comment on function access.require_license(access.licenses, inet) is
'Fails with TRA02 to TRA04, TRA07 or TRA08 where this license does not give access to the API from this peer now.';
