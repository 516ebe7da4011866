-- requires: core/now billing/settle_due
-- A job, by each agreement's watermark: fired twice it finds nothing, late it settles every boundary that it missed, each as of then,
-- and a clock that was set back makes none due. So many at a time that a run stays short; the next one goes on.
create or replace function billing.settle() returns text
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_due record;
  v_count integer := 0;
begin
  for v_due in
    select d.lane, array_agg(d.subscription_id order by d.subscription_id) as subscriptions
    from (
      select g.lane, g.subscription_id
      from billing.agreements as g
      where g.due_at <= core.now()
      order by g.due_at, g.lane, g.subscription_id
      limit 100
    ) as d
    group by d.lane
    order by d.lane
  loop
    perform 1
    from signals.subscription_heads as h
    where h.lane = v_due.lane and h.subscription_id = any (v_due.subscriptions)
    order by h.subscription_id
    for no key update;
    perform 1
    from billing.ledger_accounts as a
    where a.lane = v_due.lane and a.ledger_account_id in (
      select l.id
      from billing.agreements as g
      cross join lateral (values (g.wallet_id), (g.payable_id), (g.revenue_id)) as l (id)
      where g.lane = v_due.lane and g.subscription_id = any (v_due.subscriptions)
    )
    order by a.ledger_account_id
    for no key update;
    for i in 1..cardinality(v_due.subscriptions) loop
      v_count := v_count + billing.settle_due(v_due.lane, v_due.subscriptions[i]);
    end loop;
  end loop;
  return case when v_count > 0 then v_count || ' periods settled' end;
end
$$;

comment on function billing.settle() is
'Settles every subscription''s periods that have ended: performance and management fees. Null when none had.';
