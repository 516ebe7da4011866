-- requires: core/from_microseconds core/now signals/watch_equity
-- A batch of one lane; heads first, then portfolios, ascending. The newest state of a portfolio in the batch counts.
create or replace function signals.note_equity(
  p_lane smallint, p_sessions uuid[], p_portfolios bigint[], p_balances bigint[], p_equities bigint[], p_broker_us bigint[],
  p_subscriptions bigint[], p_processed bigint[], p_profits bigint[]
) returns table (ord integer, code text)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_now timestamptz;
begin
  perform 1
  from signals.subscription_heads as h
  where h.lane = p_lane and h.subscription_id = any (
    array(
      select s.subscription_id
      from signals.subscriptions as s
      where s.lane = p_lane and s.portfolio_id = any (p_portfolios)
    )
  )
  order by h.subscription_id
  for no key update;
  perform 1
  from signals.portfolios as p
  where p.lane = p_lane and p.portfolio_id = any (p_portfolios)
  order by p.portfolio_id
  for no key update;
  v_now := core.now();

  return query
  with arrived as materialized (
    select
      a.*, a.balance_e8 * 0.00000001 as balance, a.equity_e8 * 0.00000001 as equity, a.profit_e8 * 0.00000001 as profit,
      case
        -- Only who copies into the portfolio knows what it is worth.
        when f.subscription_id is null then 'TRA06'
        when a.subscription_id > 0 and (u.session_id = a.session_id) is not true then 'TRS17'
        when a.processed > u.delivery_seq or a.processed < 0 then 'TRS18'
      end as refusal,
      -- A terminal that is not logged in to its broker has neither.
      a.balance_e8 <> 0 or a.equity_e8 <> 0 as is_told,
      u.capital
    from unnest(
      p_sessions, p_portfolios, p_balances, p_equities, p_broker_us, p_subscriptions, p_processed, p_profits
    ) with ordinality as a (
      session_id, portfolio_id, balance_e8, equity_e8, broker_us, subscription_id, processed, profit_e8, ord
    )
    left join lateral (
      select s.subscription_id
      from signals.subscription_heads as h
      inner join signals.subscriptions as s on s.lane = p_lane and s.subscription_id = h.subscription_id
      where h.lane = p_lane and h.session_id = a.session_id and s.portfolio_id = a.portfolio_id
      limit 1
    ) as f on true
    left join lateral (
      select h.session_id, h.delivery_seq, k.capital
      from signals.subscription_heads as h
      inner join signals.subscriptions as s
        on s.lane = p_lane and s.subscription_id = h.subscription_id and s.portfolio_id = a.portfolio_id
      inner join signals.copy_settings as k
        on k.lane = p_lane and k.subscription_id = s.subscription_id and k.version = s.settings_version
      where h.lane = p_lane and h.subscription_id = a.subscription_id
      limit 1
    ) as u on true
  ), newest as materialized (
    select distinct on (a.portfolio_id)
      a.portfolio_id, a.balance, a.equity, p.lane, p.row,
      coalesce(
        case when abs(extract(epoch from core.from_microseconds(a.broker_us) - v_now)) < 15 * 3600 then
          -- Whatever the network took, a broker's clock stands a multiple of a quarter of an hour from UTC.
          round(extract(epoch from core.from_microseconds(a.broker_us) - v_now) / 900) * interval '15 minutes'
        end,
        p.broker_offset
      ) as broker_offset
    from arrived as a
    cross join lateral (
      select w.lane, w.ctid as row, w.broker_offset from signals.portfolios as w
      where w.lane = p_lane and w.portfolio_id = a.portfolio_id
      limit 1
    ) as p
    where a.refusal is null and a.is_told
    order by a.portfolio_id, a.ord desc
  ), stated as (
    update signals.portfolios as p
    set balance = n.balance, equity = n.equity, broker_offset = n.broker_offset, stated_at = v_now
    from newest as n
    where p.lane = n.lane and p.ctid = n.row
  ), acknowledged as (
    -- Constraints are checked of the row that is proposed, too: it must not acknowledge more than it has.
    insert into signals.subscription_heads as h (lane, subscription_id, delivery_seq, acknowledged_seq)
    select p_lane, a.subscription_id, max(a.processed), max(a.processed)
    from arrived as a
    where a.refusal is null and a.subscription_id > 0
    group by a.subscription_id
    order by a.subscription_id
    on conflict (lane, subscription_id) do update
    set acknowledged_seq = greatest(h.acknowledged_seq, excluded.acknowledged_seq)
    where h.acknowledged_seq < excluded.acknowledged_seq
  ), scopes as (
    select n.portfolio_id, 0::bigint as subscription_id, n.equity, (v_now at time zone 'UTC' + n.broker_offset)::date as day
    from newest as n
    union all
    (
      select distinct on (a.portfolio_id, a.subscription_id)
        a.portfolio_id, a.subscription_id, coalesce(a.capital, 0) + a.profit, (v_now at time zone 'UTC' + n.broker_offset)::date
      from arrived as a
      inner join newest as n on n.portfolio_id = a.portfolio_id
      where a.refusal is null and a.subscription_id > 0
      order by a.portfolio_id, a.subscription_id, a.ord desc
    )
  ), measured as (
    insert into signals.equities as e (
      lane, portfolio_id, subscription_id, equity, day, day_equity, peak_equity, stated_at
    )
    select p_lane, s.portfolio_id, s.subscription_id, s.equity, s.day, s.equity, s.equity, v_now
    from scopes as s
    order by s.portfolio_id, s.subscription_id
    on conflict (lane, portfolio_id, subscription_id) do update
    set
      -- The end of daylight saving brings the day before back for an hour: no loss is forgiven by that.
      equity = excluded.equity, day = greatest(e.day, excluded.day),
      -- A new day begins with what was known last: what was lost in between is its own.
      day_equity = case when excluded.day > e.day then e.equity else e.day_equity end,
      peak_equity = greatest(e.peak_equity, excluded.equity), stated_at = v_now
  )
  select a.ord::integer, a.refusal from arrived as a order by a.ord;

  perform signals.watch_equity(p_lane, array(
    select p.portfolio_id
    from signals.portfolios as p
    where p.lane = p_lane and p.portfolio_id = any (p_portfolios) and p.is_protected
    order by p.portfolio_id
  ), v_now);
end
$$;

comment on function signals.note_equity(
  smallint, uuid[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[]
) is
'What the EAs'' accounts are worth, a row for each subscription of a heartbeat (0: none), with the newest delivery that was processed.
Money in 1e-8. Protections are judged in the same transaction. code: TRA06, TRS17, TRS18, or null.';
