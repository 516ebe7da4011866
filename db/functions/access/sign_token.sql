-- requires: core/base64url
-- One algorithm, one header: what says anything else in its header is not looked at.
create or replace function access.sign_token(p_claims text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select t.signed || '.' || core.base64url(sha256(k.key_outer || sha256(k.key_inner || convert_to(t.signed, 'UTF8'))))
  from access.token_key as k
  cross join (
    select concat_ws(
      '.', core.base64url(convert_to('{"alg":"HS256","typ":"JWT"}', 'UTF8')), core.base64url(convert_to(p_claims, 'UTF8'))
    )
  ) as t (signed)
$$;

comment on function access.sign_token(text) is 'The JWT of these claims, HS256 under the key of this installation.';
