-- requires: core/drop_time_series_before core/extend_time_series core/now ops/record_retirement ops/setting
-- A job. Dropping a partition locks the whole table for a moment: rather than queue behind a long query with everybody who records
-- a refusal behind it, it fails and tries again in its next slot.
create or replace function signals.retire_events() returns text
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '100ms'
as $$
declare
  v_before timestamptz := core.now() - ops.setting('keep_protection_events');
  v_chunks integer;
begin
  if not exists (select from pg_extension as e where e.extname = 'timescaledb') then
    perform core.extend_time_series('signals.protection_events', interval '7 days');
  end if;
  v_chunks := core.drop_time_series_before('signals.protection_events', v_before);
  perform ops.record_retirement('signals.protection_events', v_before, v_chunks);
  return case when v_chunks > 0 then v_chunks || ' weeks of protection events dropped' end;
end
$$;

comment on function signals.retire_events() is
'Drops the weeks of protection events that are wholly older than the setting keep_protection_events, and makes the partitions of
the weeks to come where they are native. Null when there was nothing to drop.';
