-- requires: access/binding access/require_license access/require_scope access/token_claims core/fail
-- The key is here and nobody reads it, so no setting and no hole of the API can make a token. The license is asked each time: what is
-- revoked, suspended or elsewhere is refused at once, and not when the token ends. It writes nothing.
create or replace function access.admit(p_token text, p_peer inet default null)
returns table (account_id bigint, account text, role text)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_claims jsonb := access.token_claims(p_token);
  v_family access.token_families;
  v_license access.licenses;
begin
  select f.* into v_family
  from access.refresh_tokens as r
  inner join access.token_families as f on f.family_id = r.family_id
  where r.token_id = (v_claims ->> 'jti')::uuid;
  if v_family.family_id is null or v_family.revoked_at is not null then
    perform core.fail('TRW11', jsonb_build_object('rule', 'jti'));
  end if;
  select l.* into v_license from access.licenses as l where l.license_id = v_family.license_id;
  perform access.require_license(v_license, p_peer);
  perform access.require_scope(v_family.account_id, v_family.scope);
  perform set_config('ecp.caller', access.binding(v_family.account_id), true);
  return query
  select a.account_id, a.name, case v_family.scope when 'tenant' then 'ecp_api' else 'ecp_' || v_family.scope end
  from access.accounts as a
  where a.account_id = v_family.account_id;
end
$$;

comment on function access.admit(text, inet) is
'Binds this transaction to the account of this access token, as access.act_for does for a license; and the role that the rest of it
may be run as. Fails with TRA02 to TRA04, TRA08, TRW11, TRW12, TRW14.';
