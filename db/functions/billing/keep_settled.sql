-- requires: core/fail
create or replace function billing.keep_settled() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform core.fail('TRB06', jsonb_build_object(
    'subscription', old.subscription_id, 'delivery_seq', old.delivery_seq, 'status', old.status, 'asked', new.status
  ));
  return null;
end
$$;

comment on function billing.keep_settled() is 'Trigger of billing.holds: what was posted, voided or expired stays so. Fails with TRB06.';

create or replace trigger holds_settled_once before update on billing.holds
for each row when (old.status <> 'HELD') execute function billing.keep_settled();
comment on trigger holds_settled_once on billing.holds is 'No hold is posted twice, nor after it was released.';
