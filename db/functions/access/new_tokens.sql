-- requires: access/sign_token core/now core/random_secret
create or replace function access.new_tokens(p_family access.token_families)
returns table (access_token text, refresh_token text, scope text, expires_in integer)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  c_life constant integer := 300;
  v_id uuid := gen_random_uuid();
  v_secret bytea := core.random_secret();
  v_now bigint := floor(extract(epoch from core.now()));
begin
  insert into access.refresh_tokens (token_id, family_id, secret_hash, issued_at)
  values (v_id, p_family.family_id, sha256(v_secret), core.now());
  return query select
    access.sign_token(json_build_object(
      'iss', 'ecp', 'aud', 'ecp-api', 'sub', p_family.account_id::text, 'scope', p_family.scope, 'jti', v_id,
      'iat', v_now, 'nbf', v_now, 'exp', v_now + c_life
    )::text),
    'ecr_' || replace(v_id::text, '-', '') || '_' || encode(v_secret, 'hex'), p_family.scope, c_life;
end
$$;

comment on function access.new_tokens(access.token_families) is
'The next pair of tokens of a family. expires_in: seconds that the access token is good for.';
