-- requires: billing/transfer
-- In the order of the array, as far as each wallet's available money goes; what it does not pay is arrears. The platform's share of a
-- fee is cut to the currency's smallest unit, and what was cut off is carried: over time neither side gains by it.
create or replace function billing.charge(
  p_lane smallint, p_dues billing.due[], p_releases billing.release[] default '{}'
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_postings billing.posting[];
begin
  perform 1
  from billing.ledger_accounts as a
  where a.lane = p_lane and a.ledger_account_id = any (
    array(
      select l.id
      from unnest(p_dues) as d
      cross join lateral (
        select g.wallet_id, g.payable_id, g.revenue_id
        from billing.agreements as g
        where g.lane = p_lane and g.subscription_id = d.subscription_id
        limit 1
      ) as g
      cross join lateral (values (g.wallet_id), (g.payable_id), (g.revenue_id)) as l (id)
    )
  )
  order by a.ledger_account_id
  for no key update;

  with owed as materialized (
    select
      d.ord, d.subscription_id, d.kind, d.amount, d.delivery_seq, d.fee_plan_id, d.period, g.row, g.wallet_id, g.payable_id, g.revenue_id,
      g.share_remainder, p.platform_share, c.digits,
      w.balance - w.held + coalesce((select sum(r.amount) from unnest(p_releases) as r where r.ledger_account_id = g.wallet_id), 0)
      as available,
      sum(d.amount) over (partition by g.wallet_id order by d.ord) as together
    from unnest(p_dues) with ordinality as d (subscription_id, kind, amount, delivery_seq, fee_plan_id, period, ord)
    cross join lateral (
      select x.ctid as row, x.* from billing.agreements as x where x.lane = p_lane and x.subscription_id = d.subscription_id limit 1
    ) as g
    cross join lateral (
      select x.balance, x.held from billing.ledger_accounts as x where x.lane = p_lane and x.ledger_account_id = g.wallet_id limit 1
    ) as w
    cross join lateral (
      select x.platform_share, x.currency from billing.fee_plans as x where x.fee_plan_id = d.fee_plan_id limit 1
    ) as p
    cross join lateral (select x.digits from billing.currencies as x where x.currency = p.currency limit 1) as c
  ), paid as (
    select o.*, least(o.together, o.available) - least(o.together - o.amount, o.available) as pays from owed as o
  ), shared as materialized (
    select
      p.*, p.share_remainder + sum(p.pays * p.platform_share) over (partition by p.subscription_id order by p.ord) as shares
    from paid as p
  ), carried as (
    update billing.agreements as g
    set arrears = g.arrears + s.unpaid, share_remainder = s.shares - trunc(s.shares, s.digits)
    from (
      select
        p_lane as lane, x.row, sum(x.amount - x.pays) as unpaid, x.share_remainder + sum(x.pays * x.platform_share) as shares, x.digits
      from shared as x
      group by x.row, x.share_remainder, x.digits
    ) as s
    where g.lane = s.lane and g.ctid = s.row
  )
  select
    array_agg(
      (s.kind, l.amount, s.wallet_id, l.credit_id, null, s.subscription_id, s.delivery_seq, s.fee_plan_id, s.period, null, null, 'plane')
      ::billing.posting
      order by s.ord, l.credit_id
    )
  into v_postings
  from shared as s
  cross join lateral (
    select trunc(s.shares, s.digits) - trunc(s.shares - s.pays * s.platform_share, s.digits) as platform
    offset 0
  ) as f
  cross join lateral (values (s.payable_id, s.pays - f.platform), (s.revenue_id, f.platform)) as l (credit_id, amount)
  where l.amount > 0;
  if v_postings is not null or p_releases <> '{}' then
    perform billing.transfer(p_lane, coalesce(v_postings, '{}'), p_releases);
  end if;
end
$$;

comment on function billing.charge(smallint, billing.due[], billing.release[]) is
'Takes these fees out of the wallets, for provider and platform; what a wallet cannot pay becomes the subscription''s arrears.';
