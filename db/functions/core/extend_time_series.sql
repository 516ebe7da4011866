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
  v_column name;
  v_default regclass;
  v_chunk text;
  v_from timestamptz;
  v_made integer := 0;
begin
  select n.nspname, c.relname, a.attname, p.partdefid into v_schema, v_name, v_column, v_default
  from pg_class as c
  inner join pg_namespace as n on n.oid = c.relnamespace
  inner join pg_partitioned_table as p on p.partrelid = c.oid
  inner join pg_attribute as a on a.attrelid = c.oid and a.attnum = p.partattrs[0]
  where c.oid = p_table;

  for v_from in
    select date_bin(p_chunk, core.now(), timestamptz '2000-01-01 00:00+00') + i * p_chunk
    from generate_series(0, p_ahead) as i
  loop
    v_chunk := format('%I.%I', v_schema, v_name || to_char(v_from at time zone 'UTC', '_YYYYMMDD'));
    if to_regclass(v_chunk) is null then
      -- A range may not overlap rows of the default partition: those that came before their partition move into it.
      execute format('lock table %s in access exclusive mode', v_default);
      execute format('create table %s (like %s including all)', v_chunk, p_table);
      execute format(
        'with moved as (delete from %s where %3$I >= %4$L and %3$I < %5$L returning *) insert into %2$s select * from moved',
        v_default, v_chunk, v_column, v_from, v_from + p_chunk
      );
      execute format(
        'alter table %s attach partition %s for values from (%L) to (%L)', p_table, v_chunk, v_from, v_from + p_chunk
      );
      v_made := v_made + 1;
    end if;
  end loop;
  return v_made;
end
$$;

comment on function core.extend_time_series(regclass, interval, integer) is
'Makes the range partitions of a native time series for now and p_ahead chunks more. Returns how many were missing.';
