-- requires: access/sees_all access/tenant_tables
-- Only what differs is touched, since a policy is made under a lock against everyone: a deploy that changes nothing here waits for
-- nobody. The comment of a policy is its condition, to compare with; the deploy tool leaves policies with a comment to us.
-- Two policies a table. The owner's functions judge for themselves and see everything, so nothing is added to the hot path; the
-- reader owns the views.
create or replace function access.secure_tables() returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
-- What is executed comes from the catalog and from access.tenant_tables, whose conditions are SQL and cannot be quoted.
-- @plpgsql_check_options: security_warnings = off
declare
  v_table regclass;
  v_policy record;
begin
  for v_table in
    select c.oid
    from access.tenant_tables as t
    inner join pg_class as c on c.oid = t.relation
    where not (c.relrowsecurity and c.relforcerowsecurity)
    order by t.relation::text
  loop
    execute format('alter table %s enable row level security', v_table);
    execute format('alter table %s force row level security', v_table);
  end loop;

  for v_policy in
    with wanted as (
      select t.relation, 'owner_sees_all' as name, 'all to ecp_owner using (true)' as says
      from access.tenant_tables as t
      union all
      select
        t.relation, 'reader_sees_what_the_caller_may',
        format('select to ecp_reader using ((select access.sees_all()) or %s)', t.own_rows)
      from access.tenant_tables as t
    ), there as (
      select p.polrelid::regclass as relation, p.polname::text as name, obj_description(p.oid, 'pg_policy') as says
      from pg_policy as p
      where obj_description(p.oid, 'pg_policy') is not null
    )
    select coalesce(w.relation, t.relation) as relation, coalesce(w.name, t.name) as name, w.says, t.name is not null as is_there
    from wanted as w
    full join there as t on t.relation = w.relation and t.name = w.name
    where w.says is distinct from t.says
    order by coalesce(w.relation, t.relation)::text, coalesce(w.name, t.name)
  loop
    if v_policy.is_there then
      execute format('drop policy %I on %s', v_policy.name, v_policy.relation);
    end if;
    if v_policy.says is not null then
      execute format('create policy %I on %s for %s', v_policy.name, v_policy.relation, v_policy.says);
      execute format('comment on policy %I on %s is %L', v_policy.name, v_policy.relation, v_policy.says);
    end if;
  end loop;
end
$$;

comment on function access.secure_tables() is
'Brings row-level security to what access.tenant_tables says, forced on the owner too. Changes only what differs.';
