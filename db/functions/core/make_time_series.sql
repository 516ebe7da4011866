-- requires: core/extend_time_series
-- The two backends behind one call. Both keep the table's name, columns and constraints; a plain table that already
-- is a time series stays as it is, so that every deploy may ask again.
create or replace function core.make_time_series(p_table regclass, p_column name, p_chunk interval) returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_schema name;
  v_name name;
  v_kind "char";
  v_comment text;
  v_plain name;
begin
  select n.nspname, c.relname, c.relkind, obj_description(c.oid, 'pg_class')
  into v_schema, v_name, v_kind, v_comment
  from pg_class as c
  inner join pg_namespace as n on n.oid = c.relnamespace
  where c.oid = p_table;

  if exists (select from pg_extension where extname = 'timescaledb') then
    execute format(
      'select public.create_hypertable(%L, %L, chunk_time_interval => %L::interval, if_not_exists => true)',
      p_table, p_column, p_chunk
    );
    return 'timescaledb';
  end if;

  if v_kind = 'r' then
    v_plain := v_name || '_plain';
    execute format('alter table %I.%I rename to %I', v_schema, v_name, v_plain);
    execute format(
      'create table %I.%I (like %I.%I including all) partition by range (%I)', v_schema, v_name, v_schema, v_plain, p_column
    );
    execute format('create table %I.%I partition of %I.%I default', v_schema, v_name || '_default', v_schema, v_name);
    execute format('insert into %I.%I select * from %I.%I', v_schema, v_name, v_schema, v_plain);
    execute format('drop table %I.%I', v_schema, v_plain);
    execute format('comment on table %I.%I is %L', v_schema, v_name, v_comment);
  end if;
  perform core.extend_time_series(format('%I.%I', v_schema, v_name)::regclass, p_chunk);
  return 'native';
end
$$;

comment on function core.make_time_series(regclass, name, interval) is
'Turns a table into a time series over a timestamptz column: a hypertable where TimescaleDB is, range partitions otherwise.
Idempotent. Returns the backend: timescaledb or native.';
