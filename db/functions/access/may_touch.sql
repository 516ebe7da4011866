-- requires: access/in_sight access/is_tenant
create or replace function access.may_touch(p_what text, p_number bigint) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$ select not access.is_tenant() or coalesce(p_number = any (access.in_sight(p_what)), false) $$;

comment on function access.may_touch(text, bigint) is
'Whether whoever called may name this account, stream, portfolio or subscription in a call: a tenant only its own.';
