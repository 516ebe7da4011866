-- requires: billing/settle_deliveries core/from_e8 core/from_microseconds core/now trust/record trust/settle
-- A batch of one lane. Locks the heads of the subscriptions, ascending, as dispatch does: copies are never updated
-- by two transactions in different order.
-- The first final report of a delivery stands; UNKNOWN (sent to the broker, no answer) is replaced by the first that is.
create or replace function signals.report(
  p_lane smallint, p_sessions uuid[], p_subscriptions bigint[], p_delivery_seqs bigint[], p_statuses text[],
  p_codes text[], p_tickets bigint[], p_prices bigint[], p_volumes bigint[], p_received_us bigint[],
  p_executed_us bigint[]
) returns table (ord integer, verdict text, code text)
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
  where h.lane = p_lane and h.subscription_id = any (p_subscriptions)
  order by h.subscription_id
  for no key update;
  v_now := core.now();

  return query
  with arrived as materialized (
    select
      a.ord,
      a.session_id,
      a.subscription_id,
      a.delivery_seq,
      a.status,
      nullif(a.code, '') as code,
      nullif(a.ticket, 0) as ticket,
      core.from_e8(a.price) as price,
      core.from_e8(a.volume) as volume,
      core.from_microseconds(a.received_us) as received_at,
      core.from_microseconds(a.executed_us) as executed_at,
      h.session_id = a.session_id as is_copier,
      d.stream_id, d.position_id, d.action, d.side, d.price as master_price, d.volume as decided_volume, d.reason,
      o.status as stored_status, o.content as stored_content
    from unnest(
      p_sessions, p_subscriptions, p_delivery_seqs, p_statuses, p_codes, p_tickets, p_prices, p_volumes,
      p_received_us, p_executed_us
    ) with ordinality as a (
      session_id, subscription_id, delivery_seq, status, code, ticket, price, volume, received_us, executed_us, ord
    )
    left join lateral (
      select w.session_id
      from signals.subscription_heads as w
      where w.lane = p_lane and w.subscription_id = a.subscription_id
      limit 1
    ) as h on true
    left join lateral (
      select w.stream_id, w.position_id, w.action, w.side, w.price, w.volume, w.reason
      from signals.decisions as w
      where w.lane = p_lane and w.subscription_id = a.subscription_id and w.delivery_seq = a.delivery_seq
      limit 1
    ) as d on true
    left join lateral (
      select r.status, row(r.status, r.code, r.ticket, r.price, r.volume, r.executed_at)::text as content
      from signals.reports as r
      where r.lane = p_lane and r.subscription_id = a.subscription_id and r.delivery_seq = a.delivery_seq
      limit 1
    ) as o on true
  ), shaped as materialized (
    select
      a.*,
      case
        when a.is_copier is not true then 'TRA06'
        when a.action is null then 'TRR01'
        when a.status = 'EXECUTED' and (
          a.code is not null or coalesce(a.ticket, 0) <= 0
          or (a.action in ('OPEN', 'CLOSE', 'PLACE') and (a.price > 0 and a.volume > 0) is not true)
          -- No more may be left than was to remain: then there is nothing to trade.
          or (a.action = 'PARTIAL_CLOSE' and (a.volume is null or (a.price > 0 and a.volume > 0)) is not true)
        ) then 'TRR03'
        when a.status in ('REJECTED', 'FAILED', 'UNKNOWN') and (length(a.code) between 1 and 64) is not true then 'TRR03'
        when (a.status in ('EXECUTED', 'REJECTED', 'FAILED', 'UNKNOWN')) is not true or a.volume > 1e9 then 'TRR03'
      end as refusal
    from arrived as a
  ), doubted as (
    -- Too late to be tried now says nothing of what was tried before.
    select
      s.*,
      s.status = 'REJECTED' and s.code = 'TRG01' and (
        coalesce(s.stored_status = 'UNKNOWN', false)
        or coalesce(min(s.ord) filter (where s.refusal is null and s.status = 'UNKNOWN') over of_delivery < s.ord, false)
      ) as is_void
    from shaped as s
    window of_delivery as (partition by s.subscription_id, s.delivery_seq)
  ), compared as (
    -- With the report that stands: stored by an earlier batch, or the first in this one.
    select
      f.*, f.status <> 'UNKNOWN' as is_final,
      case when f.stored_status <> 'UNKNOWN' then f.stored_content else
        max(f.content) filter (where f.ord = f.first_final) over of_delivery
      end as standing,
      case when f.stored_status <> 'UNKNOWN' then 0 else f.first_final end as stands_since,
      case when f.stored_status is not null then 0 else f.first_ord end as known_since
    from (
      select
        s.*,
        row(s.status, s.code, s.ticket, s.price, s.volume, s.executed_at)::text as content,
        min(s.ord) filter (where s.refusal is null) over of_delivery as first_ord,
        min(s.ord) filter (where s.refusal is null and s.status <> 'UNKNOWN' and not s.is_void) over of_delivery as first_final,
        min(s.ord) filter (where s.refusal is null and s.status = 'EXECUTED' and s.action in ('OPEN', 'PLACE'))
          over (partition by s.subscription_id, s.ticket) as first_of_ticket
      from doubted as s
      window of_delivery as (partition by s.subscription_id, s.delivery_seq)
    ) as f
    window of_delivery as (partition by f.subscription_id, f.delivery_seq)
  ), ruled as materialized (
    select
      c.*,
      case
        when c.refusal = 'TRA06' then 'REPORT_NOT_ALLOWED'
        when c.refusal = 'TRR01' then 'REPORT_UNKNOWN'
        when c.refusal is not null then 'REPORT_MALFORMED'
        when not c.is_final then case when c.ord = c.known_since then 'RECORDED' else 'REPORT_DUPLICATE' end
        when c.is_void then 'REPORT_DUPLICATE'
        when c.ord <> c.stands_since then case when c.content = c.standing then 'REPORT_DUPLICATE' else 'REPORT_CONFLICT' end
        when c.status = 'EXECUTED' and c.action in ('OPEN', 'PLACE') and (c.ord > c.first_of_ticket or t.is_used)
          then 'REPORT_CONFLICT'
        else 'RECORDED'
      end as verdict,
      case
        when c.refusal is not null then c.refusal
        when not c.is_final or c.is_void or (c.ord <> c.stands_since and c.content = c.standing) then null
        when c.ord <> c.stands_since then 'TRR02'
        when c.status = 'EXECUTED' and c.action in ('OPEN', 'PLACE') and (c.ord > c.first_of_ticket or t.is_used) then 'TRR04'
      end as answer_code
    from compared as c
    left join lateral (
      select true as is_used
      from signals.copies as w
      where w.lane = p_lane and w.subscription_id = c.subscription_id and w.ticket = c.ticket
        and (w.stream_id, w.position_id) <> (c.stream_id, c.position_id)
      limit 1
    ) as t on true
  ), stored as (
    insert into signals.reports as o (
      lane, subscription_id, delivery_seq, status, code, ticket, price, volume, slippage, received_at, executed_at,
      reported_at, unknown_since
    )
    select distinct on (r.subscription_id, r.delivery_seq)
      p_lane, r.subscription_id, r.delivery_seq, r.status, r.code, r.ticket, r.price, r.volume,
      case when r.status = 'EXECUTED' and r.action in ('OPEN', 'CLOSE', 'PARTIAL_CLOSE') then
        (r.price - r.master_price) * case when (r.side = 'BUY') = (r.action = 'OPEN') then 1 else -1 end
      end,
      r.received_at, r.executed_at, v_now, case when not r.is_final then v_now end
    from ruled as r
    where r.verdict = 'RECORDED'
    order by r.subscription_id, r.delivery_seq, r.is_final desc
    on conflict (lane, subscription_id, delivery_seq) do update
    set
      status = excluded.status, code = excluded.code, ticket = excluded.ticket, price = excluded.price,
      volume = excluded.volume, slippage = excluded.slippage, received_at = excluded.received_at,
      executed_at = excluded.executed_at, reported_at = excluded.reported_at, xact = excluded.xact
  ), guarded as (
    insert into signals.protection_events (lane, occurred_at, origin, code, stream_id, subscription_id, seq, detail)
    select
      p_lane, v_now, case when r.verdict = 'RECORDED' and r.status <> 'EXECUTED' then 'GUARD' else 'PLANE' end,
      case
        when r.verdict <> 'RECORDED' then r.answer_code
        when r.status = 'EXECUTED' then 'TRR05'
        else r.code
      end,
      r.stream_id, r.subscription_id, r.delivery_seq,
      jsonb_build_object('status', r.status, 'code', r.code, 'ticket', r.ticket, 'price', r.price, 'volume', r.volume)
    from ruled as r
    where r.verdict not in ('RECORDED', 'REPORT_DUPLICATE')
      or (r.verdict = 'RECORDED' and r.status <> 'EXECUTED')
      -- More than was decided is open all the same: it is recorded, and catch-up cuts it.
      or (r.verdict = 'RECORDED' and r.action in ('OPEN', 'PLACE') and r.volume > r.decided_volume)
  ), outcomes as (
    -- A guard that rejected sent nothing to its broker. What failed at the broker may still turn out to have been filled,
    -- so its copy stays DELIVERED and is closed with the others; an EA that holds nothing answers TRG03.
    select
      r.subscription_id, r.stream_id, r.position_id, count(*) as settled,
      bool_or(r.action in ('OPEN', 'PLACE') and r.status = 'EXECUTED') as opened,
      -- Too late after it was sent is the word of an EA that has lost its state: the order may be filled all the same.
      bool_or(r.action in ('OPEN', 'PLACE') and r.status = 'REJECTED' and (r.code <> 'TRG01' or r.ord = r.known_since)) as refused,
      bool_or(r.action in ('OPEN', 'PLACE') and r.status = 'REJECTED' and r.code = 'TRG01' and r.ord = r.known_since) as missed,
      bool_or(r.action in ('CLOSE', 'CANCEL') and (r.status = 'EXECUTED' or r.code = 'TRG03')) as closed,
      bool_or(r.ord = r.nothing_since) as holds_nothing,
      bool_or(r.reason = 'PROTECTED') as by_protection,
      -- There was nothing to trade: so much or less is held already.
      min(r.decided_volume) filter (
        where r.action = 'PARTIAL_CLOSE' and r.status = 'EXECUTED' and coalesce(r.volume, 0) = 0
      ) as remains,
      bool_or(r.action in ('MODIFY', 'AMEND') and r.status <> 'EXECUTED') as stops_failed,
      coalesce(sum(case when r.action in ('OPEN', 'PLACE') then r.volume when r.action in ('CLOSE', 'PARTIAL_CLOSE') then -r.volume end)
        filter (where r.status = 'EXECUTED' and r.ord > coalesce(r.nothing_since, 0)), 0) as traded,
      max(r.ticket) filter (where r.action in ('OPEN', 'PLACE') and r.status = 'EXECUTED') as ticket
    from (
      -- Who says that nothing is held says so of what was traded before, not of what is reported after it.
      select
        u.*,
        max(u.ord) filter (
          where u.action in ('CLOSE', 'CANCEL', 'PARTIAL_CLOSE') and u.code = 'TRG03' or u.action = 'CANCEL' and u.status = 'EXECUTED'
        ) over (partition by u.subscription_id, u.stream_id, u.position_id) as nothing_since
      from ruled as u
      where u.verdict = 'RECORDED' and u.is_final
    ) as r
    group by r.subscription_id, r.stream_id, r.position_id
  ), settled as (
    update signals.copies as c
    set
      status = case
        when o.missed then 'MISSED'
        when o.refused then 'REFUSED'
        when c.status in ('REFUSED', 'MISSED') then c.status
        -- The fill showed up after its close had found nothing: it is closed once more.
        when c.status = 'CLOSED' and o.opened and found.held_volume > 0 then 'CLOSING'
        when o.closed and found.held_volume <= 0 then 'CLOSED'
        when o.opened and c.status = 'DELIVERED' then 'OPEN'
        else c.status
      end,
      closed_by = case
        when o.closed and found.held_volume <= 0 and c.status not in ('REFUSED', 'MISSED')
          then case when o.by_protection then 'PROTECTION' else 'MASTER' end
        else c.closed_by
      end,
      ticket = coalesce(o.ticket, c.ticket),
      held_volume = least(found.held_volume, o.remains),
      pending = c.pending - o.settled,
      target_volume = case when o.refused then 0 else c.target_volume end,
      stop_loss = case when not o.stops_failed then c.stop_loss end,
      take_profit = case when not o.stops_failed then c.take_profit end,
      changed_at = v_now
    from outcomes as o
    -- By the key and then by the row: a plan made while the table is empty must still be right when it is not.
    cross join lateral (
      select k.lane, k.ctid as row, case when o.holds_nothing then 0 else k.held_volume end + o.traded as held_volume
      from signals.copies as k
      where k.lane = p_lane and k.subscription_id = o.subscription_id and k.stream_id = o.stream_id
        and k.position_id = o.position_id
      limit 1
    ) as found
    where c.lane = found.lane and c.ctid = found.row
    returning c.subscription_id, c.status, c.pending, c.held_volume, c.target_volume
  ), tried_again as (
    -- A cut that did not happen is not left to the round of the schedule: the next run of signals.find_drift takes it first.
    insert into signals.subscription_heads as h (lane, subscription_id)
    select distinct p_lane, s.subscription_id
    from settled as s
    where s.pending = 0 and (s.held_volume > s.target_volume or s.status = 'CLOSING')
    order by s.subscription_id
    on conflict (lane, subscription_id) do update set checked_at = null
  ), trusted as materialized (
    -- What was executed counts only for whom there is something to regain, before this batch or within it.
    select trust.record(
      p_lane, v_now, 'signals.report', 'subscriber', array_agg(s.account_id order by r.ord),
      array_agg(coalesce(r.code, r.status) order by r.ord), array_agg(r.stream_id order by r.ord),
      array_agg(r.subscription_id order by r.ord), null, array_agg(r.delivery_seq order by r.ord)
    )
    from ruled as r
    cross join lateral (
      select w.account_id
      from signals.subscriptions as w
      where w.lane = p_lane and w.subscription_id = r.subscription_id
      limit 1
    ) as s
    where r.verdict = 'RECORDED' and (r.status = 'EXECUTED' or (r.status = 'REJECTED' and r.code in ('TRG01', 'TRG02')))
      and (
        exists (select from ruled as w where w.status = 'REJECTED')
        or exists (select from trust.scores as w where w.lane = p_lane and w.role = 'subscriber' and w.score < 100)
      )
    having count(*) > 0
  )
  select r.ord::integer, r.verdict, r.answer_code
  from ruled as r
  -- Named, so that it runs: a common table that nobody reads does not.
  left join trusted as t on true
  order by r.ord;
  perform billing.settle_deliveries(p_lane, p_subscriptions, p_delivery_seqs);
  perform trust.settle(p_lane);
end
$$;

comment on function signals.report(
  smallint, uuid[], bigint[], bigint[], text[], text[], bigint[], bigint[], bigint[], bigint[], bigint[]
) is
'Records what subscribers'' EAs did with their deliveries: a row each, in order, with verdict and code. Parallel arrays; prices and
volumes in 1e-8, times in microseconds. The first final report of a delivery stands; UNKNOWN is replaced by it.';
