-- requires: signals/settle_outcomes signals/unsettled
-- A holding is matched to its copy by the master's position, the decision that opened it, or the ticket, as far as the
-- terminal could tell. What the account holds besides is the subscriber's own affair: recorded, never touched.
create or replace function signals.settle_hedging(
  p_lane smallint, p_subscription bigint, p_last bigint, p_book jsonb, p_now timestamptz
) returns table (settled integer, differences integer)
language sql
set search_path = pg_catalog, pg_temp
as $$
  with told as materialized (
    select b.*, coalesce(b.position_id, d.position_id, c.position_id) as master_position
    from jsonb_to_recordset(p_book) as b (
      ticket bigint, position_id bigint, delivery_seq bigint, symbol text, side text, volume numeric, price numeric,
      stop_loss numeric, take_profit numeric, order_type text
    )
    left join signals.decisions as d
      on d.lane = p_lane and d.subscription_id = p_subscription and d.delivery_seq = b.delivery_seq
    left join signals.copies as c on c.lane = p_lane and c.subscription_id = p_subscription and c.ticket = b.ticket
  ), holdings as materialized (
    select
      t.master_position as position_id, min(t.ticket) as ticket, sum(t.volume) as volume, max(t.price) as price,
      max(t.stop_loss) as stop_loss, max(t.take_profit) as take_profit
    from told as t
    where t.master_position is not null
    group by t.master_position
  ), open as materialized (
    select u.* from signals.unsettled(p_lane, p_subscription, p_last) as u
  ), compared as materialized (
    select
      c::signals.copies as copy, c.position_id, coalesce(h.volume, 0) as holds, h.ticket, h.price, h.stop_loss, h.take_profit,
      c.pending - coalesce(o.settles, 0) as pending, coalesce(o.opening, false) as was_opening,
      c.status in ('DELIVERED', 'OPEN', 'CLOSING') as is_live, p.position_id is not null as master_holds
    from signals.copies as c
    inner join signals.subscriptions as s on s.lane = p_lane and s.subscription_id = p_subscription and s.stream_id = c.stream_id
    left join holdings as h on h.position_id = c.position_id
    left join (
      select u.position_id, count(*) as settles, bool_or(u.action in ('OPEN', 'PLACE')) as opening
      from open as u
      group by u.position_id
    ) as o on o.position_id = c.position_id
    left join signals.positions as p on p.lane = p_lane and p.stream_id = c.stream_id and p.position_id = c.position_id
    where c.lane = p_lane and c.subscription_id = p_subscription
      and (c.status in ('DELIVERED', 'OPEN', 'CLOSING') or h.position_id is not null or o.position_id is not null)
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
      -- A broker rounds; what is within a point is where it was put.
      stop_loss = case when abs(m.stop_loss - c.stop_loss) < 0.00002 then c.stop_loss else m.stop_loss end,
      take_profit = case when abs(m.take_profit - c.take_profit) < 0.00002 then c.take_profit else m.take_profit end,
      changed_at = p_now
    from compared as m
    where c.lane = p_lane and c.subscription_id = p_subscription and c.stream_id = (m.copy).stream_id
      and c.position_id = m.position_id
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
      select 'UNEXPECTED', t.master_position, t.symbol, null, to_jsonb(t) - 'master_position'
      from told as t
      where not exists (select from compared as m where m.position_id = t.master_position)
    ) as e
    where s.lane = p_lane and s.subscription_id = p_subscription
    returning 1
  )
  select (select a.settled from answered as a), (select count(*) from found)::integer
$$;

comment on function signals.settle_hedging(smallint, bigint, bigint, jsonb, timestamptz) is
'signals.reconcile for a hedging account: each copy holds what the book says, each delivery without a final report gets one.';
