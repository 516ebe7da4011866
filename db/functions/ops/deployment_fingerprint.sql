create or replace function ops.deployment_fingerprint() returns text
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$ select fingerprint from ops.deployment $$;

comment on function ops.deployment_fingerprint() is
'The version of the schema: what a gateway compares with the files it was shipped with before it serves.';
