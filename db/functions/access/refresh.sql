-- requires: access/new_tokens access/require_license access/require_scope core/fail core/now
-- That a token was shown twice means that two have it, and nobody knows which of them is the thief: both lose what they have. That must
-- be kept, so it is returned and not raised. The family is locked: a thief's refresh and the owner's come one after the other.
create or replace function access.refresh(p_token text, p_peer inet default null)
returns table (code text, access_token text, refresh_token text, scope text, expires_in integer)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_part text[] := regexp_match(p_token, '^ecr_([0-9a-f]{32})_([0-9a-f]{64})$');
  v_token access.refresh_tokens;
  v_family access.token_families;
  v_license access.licenses;
begin
  select r.* into v_token from access.refresh_tokens as r where r.token_id = v_part[1]::uuid;
  if v_part is null or v_token.secret_hash is distinct from sha256(decode(v_part[2], 'hex')) then
    perform core.fail('TRW11', jsonb_build_object('rule', 'refresh_token'));
  end if;
  select f.* into v_family from access.token_families as f where f.family_id = v_token.family_id for update;
  select r.* into v_token from access.refresh_tokens as r where r.token_id = v_token.token_id;
  if v_family.revoked_at is not null then
    perform core.fail('TRW11', jsonb_build_object('rule', 'family'));
  elsif v_token.used_at is not null then
    update access.token_families as f set revoked_at = core.now() where f.family_id = v_family.family_id;
    return query select 'TRW13', null::text, null::text, null::text, null::integer;
    return;
  end if;
  select l.* into v_license from access.licenses as l where l.license_id = v_family.license_id;
  perform access.require_license(v_license, p_peer);
  perform access.require_scope(v_family.account_id, v_family.scope);
  update access.refresh_tokens as r set used_at = core.now() where r.token_id = v_token.token_id;
  return query select null::text, n.* from access.new_tokens(v_family) as n;
end
$$;

comment on function access.refresh(text, inet) is
'The next pair of tokens for a refresh token, which is good for this once; shown again it ends every token of its family, code TRW13.
Fails with TRA02 to TRA04, TRA08, TRW11, TRW14.';
