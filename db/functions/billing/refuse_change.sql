-- requires: core/fail
-- Statement by statement: what would change no row is refused as well.
create or replace function billing.refuse_change() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform core.fail('TRB09', jsonb_build_object('table', tg_table_schema || '.' || tg_table_name, 'operation', tg_op));
  return null;
end
$$;

comment on function billing.refuse_change() is 'Trigger of what is append-only. Fails with TRB09.';

create or replace trigger transfers_append_only before update or delete or truncate on billing.transfers
for each statement execute function billing.refuse_change();
comment on trigger transfers_append_only on billing.transfers is 'A mistake is corrected by a counter-entry, billing.correct.';
