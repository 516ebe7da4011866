-- requires: core/fail
-- Called at every deploy, for every table: only a column more makes a difference, and from the next block on. What was sealed
-- keeps the columns that it was sealed with, so a column of a sealed table is never dropped or renamed.
create or replace function audit.attach(p_relation text, p_condition text default 'true', p_may_go boolean default false) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_columns text[];
  v_known audit.sources;
begin
  select array_agg(a.attname::text order by a.attnum) into v_columns
  from pg_attribute as a
  where a.attrelid = p_relation::regclass and a.attnum > 0 and not a.attisdropped
  having bool_or(a.attname = 'xact');
  if v_columns is null then
    perform core.fail('TRH03', jsonb_build_object('relation', p_relation));
  end if;
  -- Against a block that is being sealed: it must not know another version of the table than this.
  perform pg_advisory_xact_lock('audit.seals'::regclass::oid::integer, 0);
  select w.* into v_known from audit.sources as w where w.relation = p_relation order by w.since desc limit 1;
  if (v_columns, p_condition, p_may_go) is distinct from (v_known.columns, v_known.condition, v_known.may_go) then
    insert into audit.sources (relation, since, columns, condition, may_go)
    select p_relation, coalesce(max(s.number), 0) + 1, v_columns, p_condition, p_may_go
    from audit.seals as s
    on conflict (relation, since) do update set columns = excluded.columns, condition = excluded.condition, may_go = excluded.may_go;
  end if;
end
$$;

comment on function audit.attach(text, text, boolean) is
'Makes a table with a column xact (bigint not null default pg_current_xact_id()::text::bigint, and a BRIN index on it) a part of the chain:
its rows of which p_condition is true and will stay so. With p_may_go, retention may take them when it is their time, with audit.bury.
Fails with TRH03.';
