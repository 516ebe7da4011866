create or replace function audit.pick(p_row jsonb, p_columns text) returns jsonb
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when p_columns = '*' then p_row - 'xact'
    else (select jsonb_object_agg(e.key, e.value) from jsonb_each(p_row) as e where e.key = any (string_to_array(p_columns, ' ')))
  end
$$;

comment on function audit.pick(jsonb, text) is 'Of a row the columns that are named, with a space between them; * for all.';
