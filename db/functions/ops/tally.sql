-- requires: billing/entries core/error_registry core/now
-- A job. Transfers are counted as far as every transaction of the server has ended, so that none can still appear among them; events
-- have no such stamp, and are counted when they are older than what writes one may take. A terminal has codes of its own, as many as it
-- likes: those that are not registered are one series.
create or replace function ops.tally() returns text
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
declare
  c_settled constant interval := interval '10 seconds';
  v_from ops.tallied;
  v_to ops.tallied;
  v_rows bigint;
begin
  select t.* into v_from from ops.tallied as t for update;
  v_to.to_xact := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
  v_to.to_time := greatest(v_from.to_time, core.now() - c_settled);
  with moved as materialized (
    select t.lane, t.transfer_id, t.kind, t.currency, t.amount, t.debit_id, t.credit_id
    from billing.transfers as t
    where t.xact >= v_from.to_xact and t.xact < v_to.to_xact
  ), wrong as (
    -- An account must stand where its newest transfer left it, whether that one is counted yet or not.
    select count(*) as accounts
    from (
      select m.lane, m.debit_id as ledger_account_id from moved as m
      union
      select m.lane, m.credit_id from moved as m
    ) as touched
    inner join billing.ledger_accounts as a on a.lane = touched.lane and a.ledger_account_id = touched.ledger_account_id
    cross join lateral (
      select e.balance
      from billing.entries as e
      where e.lane = a.lane and e.ledger_account_id = a.ledger_account_id
      order by e.transfer_id desc
      limit 1
    ) as newest
    where newest.balance <> a.balance
  )
  insert into ops.totals as o (name, labels, value)
  select 'ecp_transfers_amount_total', jsonb_build_object('kind', m.kind, 'currency', m.currency), sum(m.amount)
  from moved as m
  group by m.kind, m.currency
  union all
  select 'ecp_protection_events_total', jsonb_build_object('origin', e.origin, 'code', coalesce(g.code, 'OTHER')), count(*)
  from signals.protection_events as e
  left join core.error_registry() as g on g.code = e.code
  where e.occurred_at >= v_from.to_time and e.occurred_at < v_to.to_time
  group by e.origin, g.code
  union all
  select 'ecp_ledger_mismatches_total', '{}', w.accounts
  from wrong as w
  where w.accounts > 0
  on conflict (name, labels) do update set value = o.value + excluded.value;
  get diagnostics v_rows = row_count;
  update ops.tallied as t set to_xact = v_to.to_xact, to_time = v_to.to_time;
  return case when v_rows > 0 then v_rows || ' counters' end;
end
$$;

comment on function ops.tally() is
'Adds to ops.totals what was transferred and which protection events there were since it last ran, and how many ledger accounts among
those touched do not stand where their newest transfer left them. Null when there was nothing.';
