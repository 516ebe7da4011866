-- requires: core/fail core/now
-- The one place that moves money. Locks the accounts, ascending; several legs on one account follow each other in the order of the
-- array, so that the running balances are those of a ledger that was written one by one. An account that would be overdrawn
-- breaks ledger_accounts_covered, and nothing happens. What is held no longer is told here, for an account that is updated twice in a
-- transaction has its foreign keys looked up again.
create or replace function billing.transfer(
  p_lane smallint, p_postings billing.posting[], p_releases billing.release[] default '{}'
) returns bigint[]
language plpgsql
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_ids bigint[];
begin
  perform 1
  from billing.ledger_accounts as a
  where a.lane = p_lane and a.ledger_account_id = any (
    array(
      select l.id
      from unnest(p_postings) as p
      cross join lateral (values (p.debit_id), (p.credit_id)) as l (id)
      union all
      select r.ledger_account_id from unnest(p_releases) as r
    )
  )
  order by a.ledger_account_id
  for no key update;

  with legs as materialized (
    select i.ord, l.side, l.id, l.side * (i.posting).amount as change, i.posting, a.row, a.currency,
      a.balance + sum(l.side * (i.posting).amount) over (partition by l.id order by i.ord) as balance
    from (select n as ord, p_postings[n] as posting from generate_subscripts(p_postings, 1) as n offset 0) as i
    cross join lateral (values (-1, (i.posting).debit_id), (1, (i.posting).credit_id)) as l (side, id)
    cross join lateral (
      select w.ctid as row, w.balance, w.currency
      from billing.ledger_accounts as w
      where w.lane = p_lane and w.ledger_account_id = l.id
      limit 1
    ) as a
  ), changed as (
    select l.row, l.change, 0 as release from legs as l
    union all
    select a.row, 0, r.amount
    from unnest(p_releases) as r
    cross join lateral (
      select w.ctid as row from billing.ledger_accounts as w where w.lane = p_lane and w.ledger_account_id = r.ledger_account_id limit 1
    ) as a
  ), balanced as (
    update billing.ledger_accounts as a
    set balance = a.balance + c.change, held = a.held - c.release
    from (
      select p_lane as lane, w.row, sum(w.change) as change, sum(w.release) as release from changed as w group by w.row
    ) as c
    where a.lane = c.lane and a.ctid = c.row
  ), stored as (
    insert into billing.transfers (
      lane, kind, currency, amount, debit_id, credit_id, debit_balance, credit_balance, key, subscription_id, delivery_seq,
      fee_plan_id, period, reverses, reason, actor, occurred_at
    )
    select
      p_lane, (t.posting).kind, t.currency, (t.posting).amount, (t.posting).debit_id, (t.posting).credit_id, t.debit_balance,
      t.credit_balance, (t.posting).key, (t.posting).subscription_id, (t.posting).delivery_seq, (t.posting).fee_plan_id,
      (t.posting).period, (t.posting).reverses, (t.posting).reason, (t.posting).actor, core.now()
    from (
      select
        l.ord, any_value(l.posting) as posting, min(l.currency) as currency,
        max(l.balance) filter (where l.side = -1) as debit_balance, max(l.balance) filter (where l.side = 1) as credit_balance
      from legs as l
      group by l.ord
      -- Both are there, and are of one currency.
      having count(*) = 2 and min(l.currency) = max(l.currency)
    ) as t
    order by t.ord
    returning transfer_id
  )
  select array_agg(s.transfer_id order by s.transfer_id) into v_ids from stored as s;
  if coalesce(cardinality(v_ids), 0) <> coalesce(cardinality(p_postings), 0) then
    perform core.fail('TRB08', jsonb_build_object('lane', p_lane));
  end if;
  return v_ids;
end
$$;

comment on function billing.transfer(smallint, billing.posting[], billing.release[]) is
'Makes these transfers within a lane, moves the balances, and lets go what was held. Returns the transfer_ids, in order. Fails with TRB08, and on
ledger_accounts_covered when an account would be overdrawn.';
