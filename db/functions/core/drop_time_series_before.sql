create or replace function core.drop_time_series_before(p_table regclass, p_before timestamptz) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_chunk regclass;
  v_column name;
  v_dropped integer := 0;
  v_rows bigint;
begin
  if exists (select from pg_extension where extname = 'timescaledb') then
    execute format('select count(*) from public.drop_chunks(%L::regclass, older_than => %L::timestamptz)', p_table, p_before)
    into v_dropped;
    return v_dropped;
  end if;

  for v_chunk in
    select i.inhrelid::regclass
    from pg_inherits as i
    inner join pg_class as c on c.oid = i.inhrelid
    where i.inhparent = p_table
      and substring(pg_get_expr(c.relpartbound, c.oid) from 'TO \(''([^'']+)''\)')::timestamptz <= p_before
  loop
    execute format('drop table %s', v_chunk);
    v_dropped := v_dropped + 1;
  end loop;
  -- What came while its chunk was missing counts as one.
  for v_chunk, v_column in
    select p.partdefid::regclass, a.attname
    from pg_partitioned_table as p
    inner join pg_attribute as a on a.attrelid = p.partrelid and a.attnum = p.partattrs[0]
    where p.partrelid = p_table and p.partdefid <> 0
  loop
    execute format('delete from %s where %I < %L', v_chunk, v_column, p_before);
    get diagnostics v_rows = row_count;
    v_dropped := v_dropped + least(v_rows, 1);
  end loop;
  return v_dropped;
end
$$;

comment on function core.drop_time_series_before(regclass, timestamptz) is
'Drops the chunks of a time series that end at or before the time, and what is older and came when its chunk was missing. Returns how
many chunks.';
