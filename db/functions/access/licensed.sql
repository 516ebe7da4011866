-- requires: access/require_license core/fail
-- The secret itself is shown, whoever calls: the API has nothing to say about who its callers are, so a hole in it opens no other
-- account. Refusals are raised, and leave no row: it must work in a transaction that only reads.
create or replace function access.licensed(p_token text, p_peer inet) returns access.licenses
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_part text[] := regexp_match(p_token, '^ecp_([0-9a-f]{32})_([0-9a-f]{64})$');
  v_license access.licenses;
begin
  select l.* into v_license from access.licenses as l where l.license_id = v_part[1]::uuid;
  if v_part is null or v_license.secret_hash is distinct from sha256(decode(v_part[2], 'hex')) then
    perform core.fail('TRA01');
  end if;
  perform access.require_license(v_license, p_peer);
  return v_license;
end
$$;

comment on function access.licensed(text, inet) is
'The license of purpose api that this token is. Fails with TRA01 to TRA04, TRA07, TRA08.';
