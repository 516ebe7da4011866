-- requires: core/now billing/settle_agreement
-- Each boundary that has passed as of then, however late it is.
create or replace function billing.settle_due(p_lane smallint, p_subscription bigint) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_boundary timestamptz;
  v_count integer := 0;
begin
  loop
    select g.due_at into v_boundary from billing.agreements as g where g.lane = p_lane and g.subscription_id = p_subscription;
    exit when v_boundary > core.now();
    perform billing.settle_agreement(p_lane, p_subscription, v_boundary);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;

comment on function billing.settle_due(smallint, bigint) is
'Settles the periods of a subscription that have ended; returns how many. The caller holds head, wallet and what the wallet pays into.';
