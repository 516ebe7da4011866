create or replace function core.base64url(p_bytes bytea) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$ select translate(encode(p_bytes, 'base64'), E'+/=\n', '-_') $$;

comment on function core.base64url(bytea) is 'RFC 4648 section 5, without padding.';
