-- requires: billing/hold_fees core/now signals/appraise signals/due_at signals/halted signals/volume_limits
-- What the settings want, less what the copies hold and were told: closes first, then volumes, then openings, then stops.
-- Asked again it finds nothing more to do. Holding the heads is enough: dispatch, which moves the lane's copy of the
-- master's book on, takes them before it does.
-- A cut that was never told is told at once; anything is tried again only when every delivery about the copy has its final
-- report (pending = 0): while one is unknown, a second try could be a second trade. The clock tries less and less often.
create or replace function signals.catch_up(p_lane smallint, p_subscriptions bigint[], p_cause text) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_now timestamptz;
  v_halted signals.halted;
  v_deliveries integer;
begin
  perform 1
  from signals.subscription_heads as h
  where h.lane = p_lane and h.subscription_id = any (p_subscriptions)
  order by h.subscription_id
  for no key update;
  perform 1
  from billing.ledger_accounts as a
  where a.lane = p_lane and a.ledger_account_id = any (
    array(select g.wallet_id from billing.agreements as g where g.lane = p_lane and g.subscription_id = any (p_subscriptions))
  )
  order by a.ledger_account_id
  for no key update;
  v_now := core.now();
  select h.* into v_halted from signals.halted as h;

  with compared as materialized (
    select
      u.subscription_id, u.stream_id, u.settings_version, u.fee_wallet_id, u.fee_plan_id, k::signals.copy_settings as settings, h.delivery_seq as delivered,
      h.day, h.day_openings, h.book_at, sibling.subscriptions as siblings, b::signals.portfolios as portfolio, c.epoch, c.seq,
      signals.local_time(k.zone, b.broker_offset, v_now)::date as today,
      coalesce(w.closes_all, false) as closes_all,
      u.ended_at is null and k.late_join <> 'NONE' and h.session_id is not null and t.takes_new_exposure
      and not v_halted.everything and u.stream_id <> all (v_halted.streams) and u.stream_id <> all (v_halted.provided)
      and u.account_id <> all (v_halted.accounts)
      and coalesce(h.blocked_by, b.blocked_by) is null
      and (not b.is_protected or coalesce(least(b.stated_at, e.stated_at) >= v_now - interval '1 minute', false))
      -- An EA that has just connected may be about to say what its broker calls things: its book comes after that.
      and (p_cause <> 'resume' or exists (
        select from signals.specifications as x where x.lane = p_lane and x.portfolio_id = u.portfolio_id
      )) as may_open
    from unnest(p_subscriptions) as a (subscription_id)
    cross join lateral (
      select x.* from signals.subscriptions as x where x.lane = p_lane and x.subscription_id = a.subscription_id limit 1
    ) as u
    inner join signals.subscription_states as t on t.state = u.state
    cross join lateral (
      select x.*
      from signals.copy_settings as x
      where x.lane = p_lane and x.subscription_id = u.subscription_id and x.version = u.settings_version
      limit 1
    ) as k
    cross join lateral (
      select x.* from signals.subscription_heads as x where x.lane = p_lane and x.subscription_id = u.subscription_id limit 1
    ) as h
    cross join lateral (
      select x.* from signals.portfolios as x where x.lane = p_lane and x.portfolio_id = u.portfolio_id limit 1
    ) as b
    -- The book must have come to where the subscription starts.
    cross join lateral (
      select x.epoch, x.seq
      from signals.dispatch_cursors as x
      where x.lane = p_lane and x.stream_id = u.stream_id and (x.epoch, x.seq) >= (u.started_epoch, u.started_seq)
      limit 1
    ) as c
    left join lateral (
      -- Where a protection of its own stands, its own equity must be known.
      select coalesce(
        (
          select w.stated_at
          from signals.equities as w
          where w.lane = p_lane and w.portfolio_id = u.portfolio_id and w.subscription_id = u.subscription_id
        ), '-infinity'
      ) as stated_at
      from signals.protections as x
      where b.is_protected and x.lane = p_lane and x.portfolio_id = u.portfolio_id and x.subscription_id = u.subscription_id
        and x.removed_at is null
      limit 1
    ) as e on true
    -- Of the same portfolio and stream, ended or about to: what they hold is not opened a second time.
    cross join lateral (
      select array_agg(x.subscription_id) as subscriptions
      from signals.subscriptions as x
      where x.lane = p_lane and x.portfolio_id = u.portfolio_id and x.stream_id = u.stream_id
        and x.subscription_id <> u.subscription_id
    ) as sibling
    left join lateral (
      select bool_or(x.action = 'CLOSE_ALL') as closes_all
      from signals.protections as x
      where x.lane = p_lane and x.protection_id in (h.blocked_by, b.blocked_by)
    ) as w on true
  ), held as materialized (
    select
      s.subscription_id, s.stream_id, s.closes_all, s.settings, s.delivered, s.epoch, s.seq, s.settings_version, s.today,
      c::signals.copies as copy, p::signals.positions as position, l.minimum, l.step,
      case when p_cause = 'schedule' then signals.due_at(c.tries, c.changed_at) else v_now end as due_at,
      least(c.target_volume, case
        when p.position_id is null or s.closes_all or (p.side = c.side) = c.is_reversed then 0
        -- No more than its share was told to remain, whatever step and minimum were then and are now.
        when c.target_volume * c.master_volume <= c.opened_volume * p.volume then c.target_volume
        else div(c.opened_volume * p.volume, c.master_volume * l.step) * l.step
      end) as wanted
    from compared as s
    cross join lateral (
      select x.*
      from signals.copies as x
      where x.lane = p_lane and x.subscription_id = s.subscription_id and x.stream_id = s.stream_id
        and x.status in ('DELIVERED', 'OPEN', 'CLOSING')
      offset 0
    ) as c
    left join lateral (
      select x.* from signals.positions as x
      where x.lane = p_lane and x.stream_id = s.stream_id and x.position_id = c.position_id
      limit 1
    ) as p on true
    left join lateral (
      select x.* from signals.symbol_resolutions as x
      where x.lane = p_lane and x.portfolio_id = (s.portfolio).portfolio_id and x.master_symbol = p.symbol
      limit 1
    ) as r on true
    cross join lateral signals.volume_limits(s.settings, r::signals.symbol_resolutions) as l
  ), managed as (
    select
      h.subscription_id, h.stream_id, h.copy, h.position, h.closes_all, h.delivered, h.epoch, h.seq, h.settings_version,
      h.today, h.due_at, h.due_at <= v_now as is_due,
      case when h.wanted < h.minimum and h.wanted < (h.copy).target_volume then 0 else h.wanted end as wanted,
      h.settings, h.step, h.minimum
    from held as h
  ), changes as (
    select
      m.stream_id, m.delivered, m.epoch, m.seq, m.settings_version, (m.settings).ttl, m.today,
      case when m.wanted = 0 then 1 else 2 end as turn, m.subscription_id, (m.copy).position_id as position_id,
      case when m.wanted = 0 then 'CLOSE' else 'PARTIAL_CLOSE' end as action,
      case when m.closes_all then 'PROTECTED' else 'CAUGHT_UP' end as reason,
      (m.copy).symbol, (m.copy).side, m.wanted as volume, null::numeric as price, null::numeric as stop_loss,
      null::numeric as take_profit, null::text as order_type, null::bigint as magic, null::numeric as worst_price,
      (m.copy).held_volume, (m.copy).ticket, false as raises_exposure, null::numeric as master_volume,
      null::boolean as is_reversed, null::timestamptz as opened_at,
      null::bigint as fee_wallet_id, null::bigint as fee_plan_id,
      jsonb_build_object(
        'mode', 'DIFFERENCE', 'master_volume', (m.copy).master_volume, 'master_remains', coalesce((m.position).volume, 0),
        'opened_volume', (m.copy).opened_volume, 'held_volume', (m.copy).held_volume, 'told', (m.copy).target_volume,
        'step', m.step, 'minimum', m.minimum
      ) as inputs
    from managed as m
    where m.wanted < (m.copy).target_volume
      -- A close that was answered and did not close: nothing held by the reports is no proof, for the opening may have been filled
      -- after it failed. Who holds nothing says so.
      or ((m.copy).pending = 0 and ((m.copy).held_volume > m.wanted or (m.copy).status = 'CLOSING') and m.is_due)
    union all
    select
      m.stream_id, m.delivered, m.epoch, m.seq, m.settings_version, (m.settings).ttl, m.today, 4, m.subscription_id, (m.copy).position_id,
      case when (m.position).order_type = 'MARKET' then 'MODIFY' else 'AMEND' end, 'CAUGHT_UP', (m.copy).symbol,
      (m.copy).side, null, (m.position).price, e.stop_loss, e.take_profit, null, null, null, (m.copy).held_volume,
      (m.copy).ticket, false, null, null, null, null, null, '{"mode": "STOPS"}'
    from managed as m
    cross join lateral (
      select
        case when (m.copy).is_reversed then (m.position).take_profit else (m.position).stop_loss end as stop_loss,
        case when (m.copy).is_reversed then (m.position).stop_loss else (m.position).take_profit end as take_profit
    ) as e
    where m.wanted > 0 and (m.copy).pending = 0 and (m.copy).status = 'OPEN' and (m.settings).copy_stops
      and (m.position).position_id is not null and (m.copy).held_volume > 0 and m.is_due
      and (e.stop_loss, e.take_profit) is distinct from ((m.copy).stop_loss, (m.copy).take_profit)
    union all
    select
      o.stream_id, o.delivered, o.epoch, o.seq, o.settings_version, o.ttl, o.today, 3, o.subscription_id, o.position_id, o.action, o.reason, o.symbol, o.side, o.volume, o.price, o.stop_loss,
      o.take_profit, o.order_type, o.magic, o.worst_price, null, null, true, o.master_volume, o.is_reversed, o.opened_at,
      o.fee_wallet_id, o.fee_plan_id, o.inputs
    from (
      select
        s.stream_id, s.delivered, s.epoch, s.seq, s.settings_version, (s.settings).ttl, s.today, s.fee_wallet_id, s.fee_plan_id,
        s.subscription_id, p.position_id, case when a.order_type = 'MARKET' then 'OPEN' else 'PLACE' end as action,
        coalesce(a.symbol, p.symbol) as symbol, coalesce(a.side, p.side) as side, a.volume, p.price, a.stop_loss,
        a.take_profit, a.order_type, p.magic, p.volume as master_volume, (s.settings).reverse as is_reversed, p.opened_at,
        case when (s.settings).late_join = 'NOT_IN_PROFIT' and a.order_type = 'MARKET' then p.price end as worst_price,
        a.inputs || jsonb_build_object(
          'late_join', (s.settings).late_join, 'refusal', a.reason
        ) as inputs,
        case
          when w.reason is null and row_number() over (
            partition by s.subscription_id, w.reason is null order by p.opened_at, p.position_id
          ) > (s.settings).trades_per_day - case when s.day = s.today then s.day_openings else 0 end then 'LATER'
          else coalesce(w.reason, 'CAUGHT_UP')
        end as reason
      from compared as s
      cross join lateral (
        select x.* from signals.positions as x where x.lane = p_lane and x.stream_id = s.stream_id offset 0
      ) as p
      left join lateral (
        select x.status, x.tries, x.changed_at, x.opened_volume from signals.copies as x
        where x.lane = p_lane and x.subscription_id = s.subscription_id and x.stream_id = s.stream_id
          and x.position_id = p.position_id
        limit 1
      ) as c on true
      left join lateral (
        select x.* from signals.symbol_resolutions as x
        where x.lane = p_lane and x.portfolio_id = (s.portfolio).portfolio_id and x.master_symbol = p.symbol
        limit 1
      ) as r on true
      cross join lateral signals.volume_limits(s.settings, r::signals.symbol_resolutions) as l
      cross join lateral signals.appraise(
        p::signals.positions, s.settings, s.portfolio, r::signals.symbol_resolutions, l.step, l.minimum, l.maximum, v_now
      ) as a
      cross join lateral (
        select case
          when p.opened_at < v_now - (s.settings).late_join_max_age then 'LATE_JOIN'
          when a.reason in ('OUT_OF_HOURS', 'NEWS_WINDOW', 'NO_BALANCE', 'SYMBOL_NOT_TRADED') then 'LATER'
          when p.symbol = any (v_halted.symbols) or a.symbol = any (v_halted.symbols) then 'LATER'
          when a.reason is not null then 'LATE_JOIN'
        end as reason
      ) as w
      where s.may_open and coalesce(c.status, 'MISSED') = 'MISSED'
        and (p_cause <> 'schedule' or c.status is null or signals.due_at(c.tries, c.changed_at) <= v_now)
        -- What was delivered once, and said to be too late, may have been done before the EA forgot: only its book can tell.
        and (c.status is null or c.opened_volume = 0 or coalesce(s.book_at >= c.changed_at, false))
        and (s.siblings is null or not exists (
          select from signals.copies as x
          where x.lane = p_lane and x.subscription_id = any (s.siblings) and x.stream_id = s.stream_id
            and x.position_id = p.position_id and x.status in ('DELIVERED', 'OPEN', 'CLOSING')
        ))
    ) as o
    where o.reason <> 'LATER'
  ), refused as materialized (
    -- Numbered as they will be below: closes and volumes first.
    select r.subscription_id, r.position_id
    from billing.hold_fees(p_lane, (
      select
        array_agg(
          (c.subscription_id, c.position_id, c.delivered + c.cuts, c.fee_wallet_id, c.fee_plan_id, c.volume)::billing.asked_hold
          order by c.opened_at, c.position_id
        )
      from (select x.*, count(*) filter (where x.turn < 3) over (partition by x.subscription_id) as cuts from changes as x) as c
      where c.fee_wallet_id is not null and c.raises_exposure and c.reason <> 'LATE_JOIN'
    )) as r
  ), numbered as materialized (
    select
      c.*,
      base.part + row_number() over (partition by c.subscription_id order by c.turn, c.opened_at, c.position_id) as part,
      case when c.reason <> 'LATE_JOIN' then
        c.delivered + count(*) filter (where c.reason <> 'LATE_JOIN')
          over (partition by c.subscription_id order by c.turn, c.opened_at, c.position_id)
      end as delivery_seq
    from changes as c
    cross join lateral (
      select coalesce(max(x.part), 0) as part
      from signals.decisions as x
      where x.lane = p_lane and x.subscription_id = c.subscription_id and x.stream_id = c.stream_id
        and x.epoch = c.epoch and x.seq = c.seq
    ) as base
    -- What cannot be paid is not skipped: it is looked at again when it can.
    where case
      when c.fee_wallet_id is null then true
      else (c.subscription_id, c.position_id) not in (select r.subscription_id, r.position_id from refused as r)
    end
  ), stored as (
    insert into signals.decisions (
      lane, subscription_id, stream_id, epoch, seq, part, delivery_seq, reason, action, symbol, side, position_id, volume,
      price, stop_loss, take_profit, magic, order_type, worst_price, held_volume, ticket, sent_at, expires_at,
      settings_version, inputs, decided_at
    )
    select
      p_lane, n.subscription_id, n.stream_id, n.epoch, n.seq, n.part, n.delivery_seq, n.reason, n.action, n.symbol, n.side,
      n.position_id, case when n.reason <> 'LATE_JOIN' then n.volume end, n.price, n.stop_loss, n.take_profit, n.magic,
      n.order_type, n.worst_price, n.held_volume, n.ticket, v_now,
      case when n.raises_exposure then v_now + n.ttl end, n.settings_version,
      n.inputs || jsonb_build_object('cause', p_cause), v_now
    from numbered as n
  ), counted as (
    insert into signals.subscription_heads as h (lane, subscription_id, delivery_seq, checked_at, day, day_openings)
    select
      -- What is not due yet is looked at when it is.
      p_lane, s.subscription_id, max(s.delivery_seq), least(v_now, min(s.due_at) - interval '1 minute'), max(s.today),
      count(*) filter (where s.is_opening)
    from (
      select c.subscription_id, c.delivered as delivery_seq, c.today, false as is_opening, null::timestamptz as due_at
      from compared as c
      union all
      select n.subscription_id, n.delivery_seq, n.today, n.raises_exposure and n.delivery_seq is not null, null
      from numbered as n
      union all
      select m.subscription_id, null, null, false, m.due_at
      from managed as m
      where (m.copy).pending = 0 and ((m.copy).held_volume > m.wanted or (m.copy).status = 'CLOSING') and not m.is_due
    ) as s
    group by s.subscription_id
    order by s.subscription_id
    on conflict (lane, subscription_id) do update
    set
      delivery_seq = excluded.delivery_seq, checked_at = excluded.checked_at, day = excluded.day,
      day_openings = excluded.day_openings + case when excluded.day = h.day then h.day_openings else 0 end
  ), changed as (
    insert into signals.copies as c (
      lane, subscription_id, stream_id, position_id, symbol, side, master_volume, opened_volume, target_volume, status,
      opened_at, changed_at, pending, stop_loss, take_profit, is_reversed, closing_seq
    )
    select
      p_lane, n.subscription_id, n.stream_id, n.position_id, n.symbol, n.side, coalesce(n.master_volume, 1),
      case when n.deliveries = 0 then 0 when n.raises_exposure then n.volume else 1e9 end,
      case when n.deliveries = 0 then 0 else coalesce(n.volume, 1e9) end,
      case
        when n.deliveries = 0 then 'SKIPPED'
        when n.volume = 0 then 'CLOSING'
        else 'DELIVERED'
      end,
      v_now, v_now, n.deliveries, n.stop_loss, n.take_profit, coalesce(n.is_reversed, false), n.closing_seq
    from (
      -- Of one copy there may be a volume and stops.
      select
        a.subscription_id, a.stream_id, a.position_id, max(a.symbol) as symbol, max(a.side) as side,
        max(a.master_volume) as master_volume, max(a.volume) as volume, count(a.delivery_seq) as deliveries,
        bool_or(a.raises_exposure) as raises_exposure, max(a.stop_loss) as stop_loss, max(a.take_profit) as take_profit,
        bool_or(a.is_reversed) as is_reversed, min(a.delivery_seq) filter (where a.action = 'CLOSE') as closing_seq
      from numbered as a
      group by a.subscription_id, a.stream_id, a.position_id
    ) as n
    order by n.subscription_id, n.position_id
    on conflict (lane, subscription_id, stream_id, position_id) do update
    set
      symbol = excluded.symbol, side = excluded.side,
      master_volume = case when c.status = 'MISSED' then excluded.master_volume else c.master_volume end,
      opened_volume = case when c.status = 'MISSED' then excluded.opened_volume else c.opened_volume end,
      is_reversed = case when c.status = 'MISSED' then excluded.is_reversed else c.is_reversed end,
      target_volume = case when c.status = 'MISSED' then excluded.target_volume else least(c.target_volume, excluded.target_volume) end,
      status = case when c.status = 'MISSED' or excluded.status = 'CLOSING' then excluded.status else c.status end,
      pending = c.pending + excluded.pending,
      stop_loss = coalesce(excluded.stop_loss, c.stop_loss), take_profit = coalesce(excluded.take_profit, c.take_profit),
      closing_seq = coalesce(c.closing_seq, excluded.closing_seq), tries = c.tries + 1, changed_at = v_now
  )
  select count(n.delivery_seq) into v_deliveries from numbered as n;

  if v_deliveries > 0 then
    perform pg_notify('ecp_deliveries', p_lane::text);
  end if;
  return v_deliveries;
end
$$;

comment on function signals.catch_up(smallint, bigint[], text) is
'Brings the books of these subscriptions to what their settings make of the master''s: new deliveries for the difference between
signals.positions and signals.copies. Idempotent. p_cause (resume, snapshot, reconcile, schedule, protection, …) is kept beside
each decision. Returns how many deliveries there are.';
