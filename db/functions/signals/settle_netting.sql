-- requires: signals/settle_outcomes signals/unsettled
-- A net position cannot say whose it is: what can be told is whether the lots that are not accounted for are those of all
-- deliveries in doubt, or of none, if all of them go the same way. Otherwise (a part was filled, or the subscriber traded too)
-- they stay in doubt, and the difference is recorded: a guess could book lots on a copy that does not hold them. Pending orders count as held; those of
-- other subscriptions are in their books, so that while there may be some nothing can be told.
create or replace function signals.settle_netting(
  p_lane smallint, p_subscription bigint, p_last bigint, p_book jsonb, p_now timestamptz
) returns table (settled integer, differences integer, is_clear boolean)
language sql
set search_path = pg_catalog, pg_temp
as $$
  with family as materialized (
    select o.subscription_id, o.stream_id, s.portfolio_id
    from signals.subscriptions as s
    inner join signals.subscriptions as o on o.lane = p_lane and o.portfolio_id = s.portfolio_id
    where s.lane = p_lane and s.subscription_id = p_subscription
  ), told as (
    select b.symbol, sum(case b.side when 'BUY' then b.volume else -b.volume end) as net, min(b.ticket) as ticket, max(b.price) as price
    from jsonb_to_recordset(p_book) as b (ticket bigint, symbol text, side text, volume numeric, price numeric, order_type text)
    group by b.symbol
  ), accounted as (
    select
      c.symbol, sum(case c.side when 'BUY' then c.held_volume else -c.held_volume end) as net,
      bool_and(c.pending = 0) and abs(sum(case c.side when 'BUY' then c.held_volume else -c.held_volume end))
      = sum(c.held_volume) as is_settled,
      bool_or(f.subscription_id <> p_subscription and c.held_volume > 0 and coalesce(p.order_type, 'MARKET') <> 'MARKET') as is_vague
    from family as f
    inner join signals.copies as c on c.lane = p_lane and c.subscription_id = f.subscription_id and c.stream_id = f.stream_id
    left join signals.positions as p on p.lane = p_lane and p.stream_id = c.stream_id and p.position_id = c.position_id
    where c.status in ('DELIVERED', 'OPEN', 'CLOSING')
    group by c.symbol
  ), open as materialized (
    select
      u.*, coalesce(r.unknown_since, u.decided_at) as doubted_at,
      case c.side when 'BUY' then 1 else -1 end * case
        when u.action in ('OPEN', 'PLACE') then u.volume
        when u.action in ('CLOSE', 'CANCEL', 'PARTIAL_CLOSE') then least(coalesce(u.volume, 0) - c.held_volume, 0)
        else 0
      end as change
    from family as f
    cross join lateral signals.unsettled(
      p_lane, f.subscription_id, case when f.subscription_id = p_subscription then p_last else 9223372036854775807 end
    ) as u
    inner join signals.copies as c
      on c.lane = p_lane and c.subscription_id = u.subscription_id and c.stream_id = u.stream_id and c.position_id = u.position_id
    left join signals.reports as r
      on r.lane = p_lane and r.subscription_id = u.subscription_id and r.delivery_seq = u.delivery_seq
  ), weighed as materialized (
    select
      s.symbol, coalesce(t.net, 0) as found, coalesce(a.net, 0) as expected, coalesce(t.net, 0) - coalesce(a.net, 0) as rest,
      o.change, o.doubted_at, coalesce(o.is_own, true) and not coalesce(a.is_vague, false) as is_own, t.ticket, t.price,
      -- Closed by hand: then nobody's lots are left, if all of them went the same way.
      coalesce(t.net, 0) = 0 and a.net <> 0 and a.is_settled and not a.is_vague and o.symbol is null as is_flat
    from (select t.symbol from told as t union select a.symbol from accounted as a union select o.symbol from open as o) as s
    left join told as t on t.symbol = s.symbol
    left join accounted as a on a.symbol = s.symbol
    left join (
      select
        u.symbol, sum(u.change) as change, max(u.doubted_at) as doubted_at,
        bool_and(u.subscription_id = p_subscription) and not (bool_or(u.change > 0) and bool_or(u.change < 0)) as is_own
      from open as u
      group by u.symbol
    ) as o on o.symbol = s.symbol
  ), outcomes as (
    select
      u.delivery_seq, u.stream_id, u.position_id, u.action, w.ticket, w.price,
      case when w.rest = 0 and u.change <> 0 then 'FAILED' else 'EXECUTED' end as status,
      abs(u.change) as volume
    from open as u
    inner join weighed as w on w.symbol = u.symbol
    where u.subscription_id = p_subscription and w.is_own and (
      -- What is not there may still be on its way for a while.
      u.change = 0 or w.rest = w.change or (w.rest = 0 and w.change <> 0 and w.doubted_at <= p_now - interval '30 seconds')
    )
  ), answered as materialized (
    select signals.settle_outcomes(
      p_lane, p_subscription,
      -- The ticket of a net position is nobody's own.
      coalesce(jsonb_agg(jsonb_build_object('delivery_seq', o.delivery_seq, 'status', o.status, 'price', o.price, 'volume', o.volume)), '[]'),
      'SNAPSHOT', p_now
    ) as settled
    from outcomes as o
  ), attributed as (
    update signals.copies as c
    set
      held_volume = c.held_volume + e.traded, pending = c.pending - e.settles,
      status = case
        when c.status = 'DELIVERED' and e.opened then 'OPEN'
        -- Whatever is still on its way about it: that will find nothing.
        when c.status = 'DELIVERED' and e.missed then 'MISSED'
        when c.status = 'CLOSING' and c.pending = e.settles and c.held_volume + e.traded <= 0 then 'CLOSED'
        else c.status
      end,
      target_volume = case when c.status = 'DELIVERED' and e.missed then 0 else c.target_volume end,
      closed_by = case when c.status = 'CLOSING' and c.pending = e.settles and c.held_volume + e.traded <= 0 then 'MASTER' else c.closed_by end,
      changed_at = p_now
    from (
      select
        o.stream_id, o.position_id, count(*) as settles,
        bool_or(o.action in ('OPEN', 'PLACE') and o.status = 'EXECUTED') as opened,
        bool_or(o.action in ('OPEN', 'PLACE') and o.status = 'FAILED') as missed,
        coalesce(sum(case when o.action in ('OPEN', 'PLACE') then o.volume else -o.volume end) filter (where o.status = 'EXECUTED'), 0) as traded
      from outcomes as o
      group by o.stream_id, o.position_id
    ) as e
    where c.lane = p_lane and c.subscription_id = p_subscription and c.stream_id = e.stream_id and c.position_id = e.position_id
  ), flattened as (
    update signals.copies as c
    set status = 'CLOSED', closed_by = 'FOLLOWER', held_volume = 0, target_volume = 0, changed_at = p_now
    from family as f
    cross join weighed as w
    where w.is_flat and c.lane = p_lane and c.subscription_id = f.subscription_id and c.stream_id = f.stream_id
      and c.symbol = w.symbol and c.status in ('DELIVERED', 'OPEN', 'CLOSING') and c.held_volume > 0
  ), found as (
    insert into signals.differences (lane, found_at, origin, kind, stream_id, subscription_id, symbol, expected, found)
    select
      p_lane, p_now, 'FOLLOWER', 'NET_VOLUME', f.stream_id, p_subscription, w.symbol, to_jsonb(w.expected), to_jsonb(w.found)
    from weighed as w
    inner join family as f on f.subscription_id = p_subscription
    left join lateral (
      select d.expected, d.found from signals.differences as d
      where d.lane = p_lane and d.subscription_id = p_subscription and d.kind = 'NET_VOLUME' and d.symbol = w.symbol
      order by d.found_at desc, d.difference_id desc
      limit 1
    ) as before on true
    where w.rest <> 0 and (to_jsonb(w.expected), to_jsonb(w.found)) is distinct from (before.expected, before.found)
      and w.is_own and not exists (select from outcomes as o inner join open as u on u.delivery_seq = o.delivery_seq where u.symbol = w.symbol and u.change <> 0)
    returning 1
  )
  select
    (select a.settled from answered as a), (select count(*) from found)::integer,
    coalesce((select bool_and(w.rest = 0) from weighed as w), true)
$$;

comment on function signals.settle_netting(smallint, bigint, bigint, jsonb, timestamptz) is
'signals.reconcile for a netting account: the net position of each symbol against the lots of all copies of the portfolio;
is_clear when all lots are accounted for.';
