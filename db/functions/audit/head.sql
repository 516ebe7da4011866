create or replace function audit.head() returns table (number bigint, hash bytea, sealed_at timestamptz)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$ select s.number, s.hash, s.sealed_at from audit.seals as s order by s.number desc limit 1 $$;

comment on function audit.head() is 'The newest block of the chain: what is kept elsewhere, to verify against it. No row while nothing is sealed.';
