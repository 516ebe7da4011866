-- requires: core/fail
-- For those whom no grant stops. Who takes the trigger away is found by audit.verify.
create or replace function audit.forbid() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform core.fail('TRH01', jsonb_build_object('table', format('%s.%s', tg_table_schema, tg_table_name), 'operation', tg_op));
  return null;
end
$$;

create or replace trigger append_only before update or delete or truncate on audit.records
for each statement execute function audit.forbid();
create or replace trigger append_only before update or delete or truncate on audit.seals
for each statement execute function audit.forbid();
create or replace trigger append_only before update or delete or truncate on audit.sections
for each statement execute function audit.forbid();
create or replace trigger append_only before update or delete or truncate on audit.remains
for each statement execute function audit.forbid();

comment on function audit.forbid() is 'Fails with TRH01: the table is only added to.';
