-- With the rights of who asks: what it answers is what Postgres would. Names of what is not there are nobody's.
create or replace function access.rights(p_names text[]) returns text[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(n.name), '{}')
  from unnest(p_names) as n (name)
  where exists (
    select
    from pg_namespace as s
    inner join pg_class as c on c.relnamespace = s.oid
    where s.nspname = split_part(n.name, '.', 1) and c.relname = split_part(n.name, '.', 2)
      and has_schema_privilege(s.oid, 'usage') and has_table_privilege(c.oid, 'select')
  ) or exists (
    select
    from pg_namespace as s
    inner join pg_proc as p on p.pronamespace = s.oid
    where s.nspname = split_part(n.name, '.', 1) and p.proname = split_part(n.name, '.', 2)
      and has_schema_privilege(s.oid, 'usage') and has_function_privilege(p.oid, 'execute')
  )
$$;

comment on function access.rights(text[]) is
'Of these views and functions, schema.name each, those that who asks may read or call: what a program need not offer him.';
