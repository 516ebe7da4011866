-- requires: core/now
-- Native backend only. A row outside every partition lands in the default one: late maintenance costs speed, not data.
create or replace function core.extend_time_series(p_table regclass, p_chunk interval, p_ahead integer default 8)
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_schema name;
  v_name name;
  v_from timestamptz;
  v_made integer := 0;
begin
  select n.nspname, c.relname into v_schema, v_name
  from pg_class as c
  inner join pg_namespace as n on n.oid = c.relnamespace
  where c.oid = p_table;

  for v_from in
    select date_bin(p_chunk, core.now(), timestamptz '2000-01-01 00:00+00') + i * p_chunk
    from generate_series(0, p_ahead) as i
  loop
    if to_regclass(format('%I.%I', v_schema, v_name || to_char(v_from at time zone 'UTC', '_YYYYMMDD'))) is null then
      execute format(
        'create table %I.%I partition of %I.%I for values from (%L) to (%L)',
        v_schema, v_name || to_char(v_from at time zone 'UTC', '_YYYYMMDD'), v_schema, v_name, v_from, v_from + p_chunk
      );
      v_made := v_made + 1;
    end if;
  end loop;
  return v_made;
end
$$;

comment on function core.extend_time_series(regclass, interval, integer) is
'Makes the range partitions of a native time series for now and p_ahead chunks more. Returns how many were missing.';
