-- requires: core/now billing/performance_fee
-- The caller holds the wallets, and with them the agreements. Of what this very transaction has put on record: a report that is sent
-- again is no trade. A closing whose opening is not here (it was before the first plan with a performance fee) is not kept.
create or replace function billing.record_fills(p_lane smallint, p_subscriptions bigint[], p_delivery_seqs bigint[])
returns billing.due[]
language plpgsql
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_measured bigint[] := array(
    select g.subscription_id
    from billing.agreements as g
    where g.lane = p_lane and g.subscription_id = any (p_subscriptions) and g.is_measured
  );
  v_dues billing.due[];
begin
  if v_measured = '{}' then
    return null;
  end if;
  insert into billing.fills (lane, subscription_id, delivery_seq, position_id, opens, side, volume, price, recorded_at)
  select p_lane, a.subscription_id, a.delivery_seq, d.position_id, true, d.side, r.volume, r.price, core.now()
  from unnest(p_subscriptions, p_delivery_seqs) as a (subscription_id, delivery_seq)
  cross join lateral (
    select x.position_id, x.side
    from signals.decisions as x
    where x.lane = p_lane and x.subscription_id = a.subscription_id and x.delivery_seq = a.delivery_seq and x.action in ('OPEN', 'PLACE')
    limit 1
  ) as d
  cross join lateral (
    select x.volume, x.price
    from signals.reports as x
    where x.lane = p_lane and x.subscription_id = a.subscription_id and x.delivery_seq = a.delivery_seq and x.status = 'EXECUTED'
      and x.xact = pg_current_xact_id()::text::bigint
    limit 1
  ) as r
  where a.subscription_id = any (v_measured)
  order by a.subscription_id, a.delivery_seq
  on conflict (lane, subscription_id, delivery_seq) do nothing;

  with closed as (
    insert into billing.fills (
      lane, subscription_id, delivery_seq, position_id, opens, side, volume, price, open_price, tick_size, tick_value, profit,
      recorded_at
    )
    select
      p_lane, a.subscription_id, a.delivery_seq, d.position_id, false, d.side, r.volume, r.price, o.value / o.volume, t.tick_size,
      t.tick_value,
      -- One division, at the end; to the cent, as the broker books it.
      round(
        case d.side when 'BUY' then 1 else -1 end * r.volume * (r.price * o.volume - o.value) * nullif(t.tick_value, 0)
        / (o.volume * t.tick_size), c.digits
      ),
      core.now()
    from unnest(p_subscriptions, p_delivery_seqs) as a (subscription_id, delivery_seq)
    cross join lateral (
      select x.position_id, x.side, x.symbol
      from signals.decisions as x
      where x.lane = p_lane and x.subscription_id = a.subscription_id and x.delivery_seq = a.delivery_seq
        and x.action in ('CLOSE', 'PARTIAL_CLOSE')
      limit 1
    ) as d
    cross join lateral (
      select x.volume, x.price
      from signals.reports as x
      where x.lane = p_lane and x.subscription_id = a.subscription_id and x.delivery_seq = a.delivery_seq and x.status = 'EXECUTED'
      and x.xact = pg_current_xact_id()::text::bigint
        and x.volume > 0
      limit 1
    ) as r
    cross join lateral (
      select sum(x.volume) as volume, case when bool_and(x.price is not null) then sum(x.volume * x.price) end as value
      from billing.fills as x
      where x.lane = p_lane and x.subscription_id = a.subscription_id and x.position_id = d.position_id and x.opens
      having sum(x.volume) > 0
    ) as o
    cross join lateral (
      select x.portfolio_id from signals.subscriptions as x where x.lane = p_lane and x.subscription_id = a.subscription_id limit 1
    ) as s
    left join lateral (
      select x.tick_size, x.tick_value
      from signals.specifications as x
      where x.lane = p_lane and x.portfolio_id = s.portfolio_id and x.symbol = d.symbol
      limit 1
    ) as t on true
    cross join lateral (
      select y.digits
      from billing.agreements as g
      inner join billing.fee_plans as x on x.fee_plan_id = g.fee_plan_id
      inner join billing.currencies as y on y.currency = x.currency
      where g.lane = p_lane and g.subscription_id = a.subscription_id
      limit 1
    ) as c
    where a.subscription_id = any (v_measured)
    order by a.subscription_id, a.delivery_seq
    on conflict (lane, subscription_id, delivery_seq) do nothing
    returning subscription_id, delivery_seq, coalesce(profit, 0) as profit
  ), run as (
    select c.subscription_id, c.profit, sum(c.profit) over (partition by c.subscription_id order by c.delivery_seq) as so_far
    from closed as c
  ), charged as materialized (
    select g.lane, g.row, u.subscription_id, g.fee_plan_id, u.total, f.fee, f.high_water_mark, f.remainder
    from (select r.subscription_id, sum(r.profit) as total, max(r.so_far) as peak from run as r group by r.subscription_id) as u
    cross join lateral (
      select x.ctid as row, x.* from billing.agreements as x where x.lane = p_lane and x.subscription_id = u.subscription_id limit 1
    ) as g
    cross join lateral (
      select x.performance_rate, x.period, y.digits
      from billing.fee_plans as x
      inner join billing.currencies as y on y.currency = x.currency
      where x.fee_plan_id = g.fee_plan_id
      limit 1
    ) as p
    -- By the trade: of each profit on the way, the highest counts. Otherwise the period's end does.
    cross join lateral billing.performance_fee(
      case when p.period = 'TRADE' then g.realised + u.peak else g.high_water_mark end,
      g.high_water_mark, p.performance_rate, g.performance_remainder, p.digits
    ) as f
  ), realised as (
    update billing.agreements as g
    set realised = g.realised + c.total, high_water_mark = c.high_water_mark, performance_remainder = c.remainder
    from charged as c
    where g.lane = c.lane and g.ctid = c.row
  )
  select
    array_agg((c.subscription_id, 'PERFORMANCE_FEE', c.fee, null, c.fee_plan_id, null)::billing.due order by c.subscription_id)
    filter (where c.fee > 0)
  into v_dues
  from charged as c;
  return v_dues;
end
$$;

comment on function billing.record_fills(smallint, bigint[], bigint[]) is
'Keeps what was opened and closed under performance fees, with the profit of each closing, moves E on, and returns the fees that are due
at once, by the trade.';
