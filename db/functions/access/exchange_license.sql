-- requires: access/licensed access/new_tokens access/require_scope core/now
create or replace function access.exchange_license(p_token text, p_scope text default 'tenant', p_peer inet default null)
returns table (access_token text, refresh_token text, scope text, expires_in integer)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_license access.licenses := access.licensed(p_token, p_peer);
  v_family access.token_families;
begin
  perform access.require_scope(v_license.account_id, p_scope);
  insert into access.token_families (license_id, account_id, scope, began_at, ends_at)
  values (v_license.license_id, v_license.account_id, p_scope, core.now(), v_license.expires_at)
  returning * into v_family;
  return query select n.* from access.new_tokens(v_family) as n;
end
$$;

comment on function access.exchange_license(text, text, inet) is
'A short access token and a refresh token for a license of purpose api; scope tenant, operator, analyst or auditor. They end with the
license. Fails with TRA01 to TRA04, TRA07, TRA08, TRW14.';
