-- requires: core/now
-- The one place where retention says what it took: who keeps a sealed history of the plane reads, or hooks in, here.
create or replace function ops.record_retirement(p_what text, p_before timestamptz, p_rows bigint) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  insert into ops.retirements as r (what, day, before, rows)
  select p_what, (core.now() at time zone 'UTC')::date, p_before, p_rows
  where p_rows > 0
  on conflict (what, day) do update
  set before = greatest(r.before, excluded.before), rows = r.rows + excluded.rows
$$;

comment on function ops.record_retirement(text, timestamptz, bigint) is
'Adds to the day''s row of ops.retirements: so many rows of this were retired, all older than p_before.';
