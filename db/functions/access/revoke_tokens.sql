-- requires: core/fail core/now
-- Whoever has a refresh token may end what came from the same sign-in, used or not: it gives nobody anything.
create or replace function access.revoke_tokens(p_token text) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_part text[] := regexp_match(p_token, '^ecr_([0-9a-f]{32})_([0-9a-f]{64})$');
begin
  update access.token_families as f
  set revoked_at = coalesce(f.revoked_at, core.now())
  from access.refresh_tokens as r
  where r.token_id = v_part[1]::uuid and r.secret_hash = sha256(decode(v_part[2], 'hex')) and f.family_id = r.family_id;
  if not found then
    perform core.fail('TRW11', jsonb_build_object('rule', 'refresh_token'));
  end if;
end
$$;

comment on function access.revoke_tokens(text) is
'Ends every token that came from the same exchange of a license as this refresh token: sign-out. Fails with TRW11.';
