create or replace function core.drop_time_series_before(p_table regclass, p_before timestamptz) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_chunk regclass;
  v_dropped integer := 0;
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
  return v_dropped;
end
$$;

comment on function core.drop_time_series_before(regclass, timestamptz) is
'Drops the chunks of a time series that end at or before the time. Returns how many.';
