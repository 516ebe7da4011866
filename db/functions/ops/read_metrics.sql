-- requires: ops/metrics
create or replace function ops.read_metrics()
returns table (name text, labels jsonb, value double precision, help text, type text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$ select m.name, m.labels, m.value, m.help, m.type from ops.metrics as m order by m.name, m.labels::text $$;

comment on function ops.read_metrics() is 'Every row of ops.metrics, those of one name together.';
