-- requires: signals/settle_outcomes signals/unsettled
-- A holding is matched to its copy by the master's position, the decision that opened it, or the ticket, as far as the
-- terminal could tell; symbol and side must be those of the copy. What the account holds besides is the subscriber's own affair:
-- recorded when it changes, never touched. Without statistics a nested loop over a book would be a square.
create or replace function signals.settle_hedging(
  p_lane smallint, p_subscription bigint, p_last bigint, p_book jsonb, p_now timestamptz
) returns table (settled integer, differences integer)
language sql
set search_path = pg_catalog, pg_temp
set enable_nestloop = off
as $$
  with told as materialized (
    select
      b.ticket, b.symbol, b.side, b.volume, b.price, b.stop_loss, b.take_profit,
      case when o.ticket is null then coalesce(k.position_id, d.position_id, c.position_id) end as master_position
    from jsonb_to_recordset(p_book) as b (
      ticket bigint, position_id bigint, delivery_seq bigint, symbol text, side text, volume numeric, price numeric,
      stop_loss numeric, take_profit numeric, order_type text
    )
    inner join signals.subscriptions as s on s.lane = p_lane and s.subscription_id = p_subscription
    left join lateral (
      select w.position_id from signals.copies as w
      where w.lane = p_lane and w.subscription_id = p_subscription and w.stream_id = s.stream_id and w.position_id = b.position_id
        and (w.symbol, w.side) = (b.symbol, b.side)
      limit 1
    ) as k on true
    left join lateral (
      select w.position_id from signals.decisions as w
      where w.lane = p_lane and w.subscription_id = p_subscription and w.delivery_seq = b.delivery_seq
        and (w.symbol, w.side) = (b.symbol, b.side)
      limit 1
    ) as d on true
    left join lateral (
      select w.position_id from signals.copies as w
      where w.lane = p_lane and w.subscription_id = p_subscription and w.ticket = b.ticket
      limit 1
    ) as c on true
    -- Of another subscription of the portfolio, whose deliveries count from 1 as well.
    left join lateral (
      select w.ticket from signals.copies as w
      where w.lane = p_lane and w.ticket = b.ticket and w.subscription_id = any (
        array(
          select x.subscription_id from signals.subscriptions as x
          where x.lane = p_lane and x.portfolio_id = s.portfolio_id and x.subscription_id <> p_subscription
        )
      )
      limit 1
    ) as o on true
  ), holdings as materialized (
    select
      t.master_position as position_id, min(t.ticket) as ticket, sum(t.volume) as volume, max(t.price) as price,
      max(t.stop_loss) as stop_loss, max(t.take_profit) as take_profit
    from told as t
    where t.master_position is not null
    group by t.master_position
  ), open as materialized (
    -- An order that the book does not show may still be on its way for a while: for that long it stays in doubt.
    select u.*
    from signals.unsettled(p_lane, p_subscription, p_last) as u
    left join holdings as h on h.position_id = u.position_id
    left join lateral (
      select w.unknown_since from signals.reports as w
      where w.lane = p_lane and w.subscription_id = p_subscription and w.delivery_seq = u.delivery_seq
      limit 1
    ) as r on true
    where u.action not in ('OPEN', 'PLACE') or h.position_id is not null
      or coalesce(r.unknown_since, u.decided_at) <= p_now - interval '30 seconds'
  ), compared as materialized (
    select
      c.copy, c.row, n.position_id, coalesce(h.volume, 0) as holds, h.ticket, h.price, h.stop_loss, h.take_profit,
      (c.copy).pending - coalesce(o.settles, 0) as pending, coalesce(o.opening, false) as was_opening,
      (c.copy).status in ('DELIVERED', 'OPEN', 'CLOSING') as is_live, p.position_id is not null as master_holds,
      -- A broker rounds to its own digits.
      0.5 * power(10::numeric, -coalesce(r.digits, 5)) as rounding
    from signals.subscriptions as s
    cross join lateral (
      select w.position_id
      from signals.copies as w
      where w.lane = p_lane and w.subscription_id = p_subscription and w.stream_id = s.stream_id
        and w.status in ('DELIVERED', 'OPEN', 'CLOSING')
      union
      select w.position_id from holdings as w
      union
      select w.position_id from open as w
    ) as n
    cross join lateral (
      select w as copy, w.ctid as row
      from signals.copies as w
      where w.lane = p_lane and w.subscription_id = p_subscription and w.stream_id = s.stream_id and w.position_id = n.position_id
      limit 1
    ) as c
    left join holdings as h on h.position_id = n.position_id
    left join (
      select u.position_id, count(*) as settles, bool_or(u.action in ('OPEN', 'PLACE')) as opening
      from open as u
      group by u.position_id
    ) as o on o.position_id = n.position_id
    left join lateral (
      select w.position_id, w.symbol from signals.positions as w
      where w.lane = p_lane and w.stream_id = s.stream_id and w.position_id = n.position_id
      limit 1
    ) as p on true
    left join lateral (
      select w.digits from signals.symbol_resolutions as w
      where w.lane = p_lane and w.portfolio_id = s.portfolio_id and w.master_symbol = p.symbol
      limit 1
    ) as r on true
    where s.lane = p_lane and s.subscription_id = p_subscription
  ), outcomes as (
    select
      u.delivery_seq,
      case
        when u.action in ('OPEN', 'PLACE') then case when c.holds > 0 then 'EXECUTED' else 'FAILED' end
        when u.action in ('CLOSE', 'CANCEL', 'PARTIAL_CLOSE') then
          case when coalesce(c.holds, 0) <= coalesce(u.volume, 0) then 'EXECUTED' else 'FAILED' end
        when (c.stop_loss, c.take_profit) = (u.stop_loss, u.take_profit) then 'EXECUTED'
        else 'FAILED'
      end as status,
      c.ticket, case when u.action in ('OPEN', 'PLACE') then c.price end as price,
      case when u.action in ('OPEN', 'PLACE') then c.holds else greatest((c.copy).held_volume - c.holds, 0) end as volume
    from open as u
    left join compared as c on c.position_id = u.position_id
  ), answered as materialized (
    select signals.settle_outcomes(p_lane, p_subscription, coalesce(jsonb_agg(to_jsonb(o)), '[]'), 'SNAPSHOT', p_now) as settled
    from outcomes as o
  ), followed as (
    update signals.copies as c
    set
      status = case
        when not m.is_live and m.holds = 0 then c.status
        when not m.is_live then case when m.master_holds and c.status <> 'CLOSED' then 'OPEN' else 'CLOSING' end
        when m.holds > 0 then case when c.status = 'DELIVERED' then 'OPEN' else c.status end
        -- Whatever is still on its way about it: that will find nothing.
        when c.status = 'DELIVERED' and m.was_opening then 'MISSED'
        when m.pending > 0 then c.status
        when c.status = 'DELIVERED' then 'REFUSED'
        else 'CLOSED'
      end,
      closed_by = case when m.is_live and m.holds = 0 and m.pending = 0 then
        case c.status when 'OPEN' then 'FOLLOWER' when 'CLOSING' then coalesce(c.closed_by, 'MASTER') end
      when not m.is_live and m.holds = 0 then c.closed_by
      end,
      -- What a live copy holds beyond its lots is cut, and is no share of the master's.
      opened_volume = case when m.is_live then c.opened_volume else greatest(c.opened_volume, m.holds) end,
      target_volume = case
        when not m.is_live and m.holds = 0 then c.target_volume
        when not m.is_live then case when m.master_holds and c.status <> 'CLOSED' then greatest(c.opened_volume, m.holds) else 0 end
        when m.holds = 0 and (m.pending = 0 or (c.status = 'DELIVERED' and m.was_opening)) then 0
        else c.target_volume
      end,
      held_volume = m.holds, pending = m.pending, ticket = coalesce(m.ticket, c.ticket),
      -- Of what the book does not show it says nothing about stops either: it may be newer than the book.
      stop_loss = case
        when abs(m.stop_loss - c.stop_loss) <= m.rounding and (m.stop_loss = 0) = (c.stop_loss = 0) then c.stop_loss
        else coalesce(m.stop_loss, c.stop_loss)
      end,
      take_profit = case
        when abs(m.take_profit - c.take_profit) <= m.rounding and (m.take_profit = 0) = (c.take_profit = 0) then c.take_profit
        else coalesce(m.take_profit, c.take_profit)
      end,
      changed_at = p_now
    from compared as m
    -- By their places, and not one by one as report does: here a row that is looked up for each other row would be found by reading
    -- the whole table.
    where c.lane = p_lane and c.ctid = any (array(select x.row from compared as x)) and c.position_id = m.position_id
  ), found as (
    insert into signals.differences (
      lane, found_at, origin, kind, stream_id, subscription_id, position_id, symbol, expected, found
    )
    select p_lane, p_now, 'FOLLOWER', e.kind, s.stream_id, p_subscription, e.position_id, e.symbol, e.expected, e.found
    from signals.subscriptions as s
    cross join (
      select
        case when m.holds = 0 then 'MISSING' when (m.copy).held_volume <= 0 then 'UNEXPECTED' else 'VOLUME' end as kind,
        m.position_id, (m.copy).symbol as symbol,
        jsonb_build_object('status', (m.copy).status, 'volume', (m.copy).held_volume) as expected,
        jsonb_build_object('ticket', m.ticket, 'volume', m.holds) as found
      from compared as m
      -- What was in doubt is no difference; what came after the book is not in it.
      where m.pending = (m.copy).pending and m.holds <> greatest((m.copy).held_volume, 0)
      union all
      select 'UNEXPECTED', null, null, null, jsonb_agg(
        jsonb_build_object('ticket', t.ticket, 'symbol', t.symbol, 'side', t.side, 'volume', t.volume) order by t.ticket
      )
      from told as t
      where not exists (select from compared as m where m.position_id = t.master_position)
      having count(*) > 0
    ) as e
    left join lateral (
      select f.found from signals.differences as f
      where f.lane = p_lane and f.subscription_id = p_subscription and f.kind = 'UNEXPECTED' and f.position_id is null
      order by f.found_at desc, f.difference_id desc
      limit 1
    ) as before on e.position_id is null
    where s.lane = p_lane and s.subscription_id = p_subscription and e.found is distinct from before.found
    returning 1
  )
  select (select a.settled from answered as a), (select count(*) from found)::integer
$$;

comment on function signals.settle_hedging(smallint, bigint, bigint, jsonb, timestamptz) is
'signals.reconcile for a hedging account: each copy holds what the book says, each delivery without a final report gets one.';
