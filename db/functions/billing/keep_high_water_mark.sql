-- requires: core/fail
create or replace function billing.keep_high_water_mark() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform core.fail('TRB10', jsonb_build_object(
    'subscription', old.subscription_id, 'high_water_mark', old.high_water_mark, 'asked', new.high_water_mark
  ));
  return null;
end
$$;

comment on function billing.keep_high_water_mark() is 'Trigger of billing.agreements: profit is charged once. Fails with TRB10.';

create or replace trigger agreements_high_water_mark before update on billing.agreements
for each row when (new.high_water_mark < old.high_water_mark) execute function billing.keep_high_water_mark();
comment on trigger agreements_high_water_mark on billing.agreements is 'The high-water mark never falls.';
