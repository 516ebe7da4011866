-- requires: access/binding access/license_refusal core/fail core/now
-- The secret itself is shown, whoever calls: the API has nothing to say about who its callers are, so a hole in it opens no other
-- account. Refusals are raised, and leave no row: it must work in a transaction that only reads.
create or replace function access.act_for(p_token text, p_peer inet default null) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_part text[] := regexp_match(p_token, '^ecp_([0-9a-f]{32})_([0-9a-f]{64})$');
  v_license access.licenses;
  v_status text;
  -- The API sees the address of its caller; from others it would be their own word. A local socket has none.
  v_peer inet := coalesce(case when session_user = 'ecp_api' then p_peer end, inet_client_addr(), '127.0.0.1');
  v_code text;
begin
  select l.* into v_license from access.licenses as l where l.license_id = v_part[1]::uuid;
  if v_part is null or v_license.secret_hash is distinct from sha256(decode(v_part[2], 'hex')) then
    perform core.fail('TRA01');
  end if;
  select a.status into v_status from access.accounts as a where a.account_id = v_license.account_id;
  v_code := coalesce(
    access.license_refusal(v_license, v_status, v_peer, core.now()), case when v_license.purpose <> 'api' then 'TRA07' end
  );
  if v_code is not null then
    perform core.fail(v_code);
  end if;
  perform set_config('ecp.caller', access.binding(v_license.account_id), true);
  return v_license.account_id;
end
$$;

comment on function access.act_for(text, inet) is
'Lets the rest of this transaction see what the account of this license token may see; of purpose api. Returns account_id. Give the
token as a parameter, never as text. p_peer counts from ecp_api only. Fails with TRA01 to TRA04, TRA07, TRA08.';
