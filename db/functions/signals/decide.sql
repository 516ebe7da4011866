-- requires: billing/hold_fees core/e8 core/microseconds signals/advance_book signals/appraise signals/halted signals/volume_limits
-- What dispatch does once everything is locked; also what-if, with the time of each signal for p_now.
-- Joins that are looked up row by row are laterals with a limit, and rows that exist are changed by ON CONFLICT: a plan
-- that is made while the tables are empty must still be right when they are not.
-- What raises exposure is gated here; what manages or cuts it is skipped only where nothing was ever copied.
create or replace function signals.decide(
  p_lane smallint, p_now timestamptz, p_only integer[], p_streams bigint[], p_epochs integer[], p_seqs bigint[],
  p_actions text[], p_symbols text[], p_sides text[], p_positions bigint[], p_volumes numeric[], p_prices numeric[],
  p_stop_losses numeric[], p_take_profits numeric[], p_magics bigint[], p_order_types text[], p_digits integer[],
  p_sent_at timestamptz[], p_received_at timestamptz[], p_contract_sizes numeric[], p_balances numeric[],
  p_equities numeric[], p_books jsonb[]
) returns setof signals.delivery
language plpgsql
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_halted signals.halted;
  v_open_states text[];
  v_differing bigint[];
  v_symbols text[];
  v_turn integer[];
begin
  -- What manages a position need not name its symbol, but is held to its steps: the book knows it, as it stood before.
  v_symbols := array(
    select coalesce(nullif(a.symbol, ''), p.symbol, max(a.symbol) over (partition by a.stream_id, a.position_id))
    from unnest(p_symbols, p_streams, p_positions) with ordinality as a (symbol, stream_id, position_id, ord)
    left join lateral (
      select w.symbol
      from signals.positions as w
      where w.lane = p_lane and w.stream_id = a.stream_id and w.position_id = a.position_id
      limit 1
    ) as p on true
    order by a.ord
  );
  v_differing := signals.advance_book(
    p_lane, p_only, p_streams, p_epochs, p_seqs, p_actions, p_symbols, p_sides, p_positions, p_volumes, p_prices,
    p_stop_losses, p_take_profits, p_magics, p_order_types, p_digits, p_sent_at, p_contract_sizes, p_balances, p_equities,
    p_books
  );
  v_open_states := array(select t.state from signals.subscription_states as t where t.takes_new_exposure);

  -- All of them at once, for the turns would take them in any order.
  perform 1
  from billing.ledger_accounts as a
  where a.lane = p_lane and a.ledger_account_id = any (
    array(
      select g.wallet_id
      from billing.agreements as g
      where g.lane = p_lane and g.stream_id = any (
        array(
          select p_streams[o.ord]
          from unnest(p_only) as o (ord)
          inner join signals.actions as x on x.action = p_actions[o.ord] and x.raises_exposure
        )
      )
    )
  )
  order by a.ledger_account_id
  for no key update;

  -- After the last lock, for who waits for it may wait while something is halted. Nearly always nothing is, and to see that costs a fifth of working out what is.
  if exists (select from signals.halts) then
    select h.* into v_halted from signals.halted as h;
  end if;

  -- Streams side by side, the signals of each one after the other: a subscription follows one stream, so in a turn there is one
  -- decision for it, which finds what the turns before have made of it.
  for v_turn in
    select array_agg(t.ord order by t.ord)
    from (
      select o.ord, row_number() over (partition by p_streams[o.ord] order by o.ord) as turn
      from unnest(p_only) as o (ord)
    ) as t
    group by t.turn
    order by t.turn
  loop
    return query
    with fresh as materialized (
      select
        a.*, x.raises_exposure, x.cuts_exposure, c.stream_lane,
        (
          p_lane, a.stream_id, a.position_id, a.symbol, a.side, coalesce(a.order_type, 'MARKET'), a.volume, a.volume, a.price,
          coalesce(a.stop_loss, 0), coalesce(a.take_profit, 0), coalesce(a.magic, 0), a.digits, a.contract_size, a.balance,
          a.equity, a.sent_at, a.epoch, a.seq
        )::signals.positions as opening
      from (
        select
          p_streams[o.ord] as stream_id, p_epochs[o.ord] as epoch, p_seqs[o.ord] as seq, p_actions[o.ord] as action,
          v_symbols[o.ord] as symbol, p_sides[o.ord] as side, p_positions[o.ord] as position_id, p_volumes[o.ord] as volume,
          p_prices[o.ord] as price, p_stop_losses[o.ord] as stop_loss, p_take_profits[o.ord] as take_profit,
          p_magics[o.ord] as magic, p_order_types[o.ord] as order_type, p_digits[o.ord] as digits, p_sent_at[o.ord] as sent_at,
          p_received_at[o.ord] as received_at, p_contract_sizes[o.ord] as contract_size, p_balances[o.ord] as balance,
          p_equities[o.ord] as equity
        from unnest(v_turn) as o (ord)
        offset 0
      ) as a
      inner join signals.dispatch_cursors as c on c.lane = p_lane and c.stream_id = a.stream_id
      inner join signals.actions as x on x.action = a.action
    ), pairs as (
      select
        f.*, s.subscription_id, s.account_id, s.state, s.settings_version, s.fee_wallet_id, s.fee_plan_id, k::signals.copy_settings as settings,
        h.delivery_seq as delivered, h.session_id, h.blocked_by as head_blocked_by, h.day, h.day_openings,
        b::signals.portfolios as portfolio, least(b.stated_at, e.stated_at) as stated_at, r::signals.symbol_resolutions as resolution,
        c.symbol as copy_symbol, c.side as copy_side, c.master_volume as copy_master_volume,
        c.opened_volume as copy_opened_volume, c.held_volume as copy_held_volume, c.ticket as copy_ticket,
        c.is_reversed as copy_is_reversed,
        c.position_id is not null as is_known,
        coalesce(c.status in ('DELIVERED', 'OPEN', 'CLOSING'), false) as is_live,
        l.step, l.minimum, l.maximum
      from fresh as f
      cross join lateral (
        select u.*
        from signals.subscriptions as u
        where u.lane = p_lane and u.stream_id = f.stream_id and (f.epoch, f.seq) > (u.started_epoch, u.started_seq)
        offset 0
      ) as s
      cross join lateral (
        select v.*
        from signals.copy_settings as v
        where v.lane = p_lane and v.subscription_id = s.subscription_id and v.version = s.settings_version
        limit 1
      ) as k
      cross join lateral (
        select w.delivery_seq, w.session_id, w.blocked_by, w.day, w.day_openings
        from signals.subscription_heads as w
        where w.lane = p_lane and w.subscription_id = s.subscription_id
        limit 1
      ) as h
      cross join lateral (
        select w.*
        from signals.portfolios as w
        where w.lane = p_lane and w.portfolio_id = s.portfolio_id
        limit 1
      ) as b
      left join lateral (
        -- Where a protection of its own stands, its own equity must be known.
        select coalesce(
          (
            select w.stated_at
            from signals.equities as w
            where w.lane = p_lane and w.portfolio_id = s.portfolio_id and w.subscription_id = s.subscription_id
          ), '-infinity'
        ) as stated_at
        from signals.protections as x
        where b.is_protected and x.lane = p_lane and x.portfolio_id = s.portfolio_id and x.subscription_id = s.subscription_id
          and x.removed_at is null
        limit 1
      ) as e on true
      left join lateral (
        select w.*
        from signals.symbol_resolutions as w
        where w.lane = p_lane and w.portfolio_id = s.portfolio_id and w.master_symbol = f.symbol
        limit 1
      ) as r on true
      left join lateral (
        select w.*
        from signals.copies as w
        where w.lane = p_lane and w.subscription_id = s.subscription_id and w.stream_id = f.stream_id
          and w.position_id = f.position_id and w.status not in ('MISSED', 'SKIPPED')
        limit 1
      ) as c on true
      cross join lateral signals.volume_limits(k::signals.copy_settings, r::signals.symbol_resolutions) as l
      -- What arrived before the end is answered for, whenever dispatch comes to it.
      where coalesce(f.received_at < s.ended_at, true)
        or (not f.raises_exposure and f.action <> 'SNAPSHOT' and c.status in ('DELIVERED', 'OPEN', 'CLOSING'))
    ), judged as materialized (
      select
        p.fee_wallet_id, p.fee_plan_id, p.delivered, p.subscription_id, p.session_id, p.stream_id, p.epoch, p.seq, g.reason, p.position_id, p.price, p.magic, p.sent_at,
        p.settings_version, p.raises_exposure, p.cuts_exposure, p.volume as signal_volume, g.today,
        coalesce(p.copy_master_volume, p.volume) as master_volume, coalesce(p.copy_opened_volume, a.volume) as opened_volume,
        coalesce(p.copy_is_reversed, (p.settings).reverse) as is_reversed,
        -- To set no stop is to take it back, which is not to say nothing of it; where stops are not copied there are none.
        case
          when p.raises_exposure then a.stop_loss
          when p.cuts_exposure then null
          when not (p.settings).copy_stops then 0
          else coalesce(case when coalesce(p.copy_is_reversed, (p.settings).reverse) then p.take_profit else p.stop_loss end, 0)
        end as stop_loss,
        case
          when p.raises_exposure then a.take_profit
          when p.cuts_exposure then null
          when not (p.settings).copy_stops then 0
          else coalesce(case when coalesce(p.copy_is_reversed, (p.settings).reverse) then p.stop_loss else p.take_profit end, 0)
        end as take_profit,
        case when p.raises_exposure then a.order_type else p.order_type end as order_type,
        case when g.remainder < p.minimum then 'CLOSE' else p.action end as action,
        coalesce(case when not p.raises_exposure then p.copy_symbol end, a.symbol, p.symbol) as symbol,
        coalesce(case when not p.raises_exposure then p.copy_side end, a.side, p.side) as side,
        case
          when g.reason <> 'COPIED' then null
          when p.raises_exposure then a.volume
          when g.remainder >= p.minimum then g.remainder
          when p.cuts_exposure then 0
        end as volume,
        case when not p.raises_exposure then p.copy_held_volume end as held_volume,
        case when not p.raises_exposure then p.copy_ticket end as ticket,
        case when p.raises_exposure then p.sent_at + (p.settings).ttl end as expires_at,
        case when p.raises_exposure then
          (p.settings).max_deviation_points * power(10::numeric, -coalesce((p.resolution).digits, p.digits))
        end as max_deviation,
        case
          when p.raises_exposure then a.inputs || case
            when g.halted_by is not null then jsonb_build_object('value', g.halted_by)
            when g.blocked_by is not null then jsonb_build_object('value', g.blocked_by)
            when (p.portfolio).is_protected and a.reason is null then jsonb_build_object('value', nullif(p.stated_at, '-infinity'))
            else '{}'
          end
          when g.remainder is not null then jsonb_build_object(
            'mode', 'REMAINDER', 'master_volume', p.copy_master_volume, 'master_remains', p.volume,
            'opened_volume', p.copy_opened_volume, 'numerator', p.copy_opened_volume * least(p.volume, p.copy_master_volume),
            'denominator', p.copy_master_volume, 'step', p.step, 'minimum', p.minimum
          )
          else '{}'
        end as inputs,
        case when g.reason = 'COPIED' then p.delivered + 1 end as delivery_seq
      from pairs as p
      left join lateral signals.appraise(
        p.opening, p.settings, p.portfolio, p.resolution, p.step, p.minimum, p.maximum, p_now
      ) as a on p.raises_exposure
      cross join lateral (
        select
          coalesce(p.head_blocked_by, (p.portfolio).blocked_by) as blocked_by,
          case when p.raises_exposure then signals.local_time((p.settings).zone, (p.portfolio).broker_offset, p_now)::date end as today,
          case
            when (v_halted.anything and p.raises_exposure) is not true then null
            when v_halted.everything then 'GLOBAL'
            when p.stream_id = any (v_halted.streams) then 'STREAM'
            when p.stream_id = any (v_halted.provided) then 'PROVIDER'
            when p.account_id = any (v_halted.accounts) then 'SUBSCRIBER'
            when p.symbol = any (v_halted.symbols) then 'SYMBOL'
            when (p.resolution).symbol = any (v_halted.symbols) then 'BROKER_SYMBOL'
          end as halted_by
      ) as d
      cross join lateral (
        select
          d.blocked_by, d.today, d.halted_by,
          case
            when p.action = 'SNAPSHOT' then 'SNAPSHOT_RECORDED'
            when p.action = 'MODIFY' and not (p.settings).copy_stops then 'NOT_COPIED'
            when not p.raises_exposure then case when p.is_live then 'COPIED' else 'NOT_COPIED' end
            when d.halted_by is not null then 'HALTED'
            when p.state <> all (v_open_states) then p.state
            when d.blocked_by is not null then 'EQUITY_PROTECTION'
            when (p.portfolio).is_protected and (p.stated_at >= p_now - interval '1 minute') is not true then 'EQUITY_UNKNOWN'
            when p.is_known then 'ALREADY_COPIED'
            when p.sent_at < p_now - (p.settings).ttl then 'TTL_EXPIRED'
            when a.reason is not null then a.reason
            when (p.settings).trades_per_day <= case when p.day = d.today then p.day_openings else 0 end then 'TRADES_PER_DAY'
            else 'COPIED'
          end as reason,
          case when p.is_live and p.action = 'PARTIAL_CLOSE' then
            -- div() is exact, where a quotient rounds: a third of 0.3 lots is 0.1, not 0.09.
            case
              when p.volume >= p.copy_master_volume then p.copy_opened_volume
              else div(p.copy_opened_volume * p.volume, p.copy_master_volume * p.step) * p.step
            end
          end as remainder
        offset 0
      ) as g
    ), refused as materialized (
      select r.subscription_id
      from billing.hold_fees(p_lane, (
        select array_agg((j.subscription_id, j.position_id, j.delivered, j.fee_wallet_id, j.fee_plan_id, j.volume)::billing.asked_hold)
        from judged as j
        where j.fee_wallet_id is not null and j.raises_exposure and j.delivery_seq is not null
      )) as r
    ), decided as not materialized (
      -- Where nobody pays, nothing is asked.
      select
        j.subscription_id, j.session_id, j.stream_id, j.epoch, j.seq, j.position_id, j.price, j.magic, j.sent_at, j.settings_version,
        j.raises_exposure, j.cuts_exposure, j.signal_volume, j.today, j.master_volume, j.opened_volume, j.is_reversed, j.stop_loss,
        j.take_profit, j.order_type, j.action, j.symbol, j.side, j.held_volume, j.ticket, j.expires_at, j.max_deviation, j.inputs,
        case when f.is_refused then 'LOCKED_NO_FUNDS' else j.reason end as reason,
        case when not f.is_refused then j.volume end as volume,
        case when not f.is_refused then j.delivery_seq end as delivery_seq
      from judged as j
      cross join lateral (
        select case
          when j.fee_wallet_id is null or not j.raises_exposure then false
          else j.subscription_id in (select r.subscription_id from refused as r)
        end as is_refused
      ) as f
    ), stored as (
      insert into signals.decisions (
        lane, subscription_id, stream_id, epoch, seq, delivery_seq, reason, action, symbol, side, position_id, volume,
        price, stop_loss, take_profit, magic, order_type, max_deviation, sent_at, expires_at, settings_version, inputs,
        decided_at, held_volume, ticket
      )
      select
        p_lane, n.subscription_id, n.stream_id, n.epoch, n.seq, n.delivery_seq, n.reason, n.action, n.symbol, n.side,
        n.position_id, n.volume, n.price, n.stop_loss, n.take_profit, n.magic, n.order_type, n.max_deviation, n.sent_at,
        n.expires_at, n.settings_version, n.inputs, p_now, n.held_volume, n.ticket
      from decided as n
    ), counted as (
      insert into signals.subscription_heads as h (lane, subscription_id, delivery_seq, day, day_openings)
      select p_lane, n.subscription_id, n.delivery_seq, n.today, n.raises_exposure::integer
      from decided as n
      where n.delivery_seq is not null
      on conflict (lane, subscription_id) do update
      set
        delivery_seq = excluded.delivery_seq, day = coalesce(excluded.day, h.day),
        day_openings = excluded.day_openings + case when coalesce(excluded.day, h.day) = h.day then h.day_openings else 0 end
    ), noted as (
      -- What is not copied too: late join must know what was missed and what is not wanted.
      insert into signals.copies as c (
        lane, subscription_id, stream_id, position_id, symbol, side, master_volume, opened_volume, target_volume, status,
        opened_at, changed_at, pending, stop_loss, take_profit, is_reversed, closing_seq
      )
      select
        p_lane, n.subscription_id, n.stream_id, n.position_id, n.symbol, n.side, n.master_volume,
        case when n.reason = 'COPIED' then n.opened_volume else 0 end,
        case when n.reason <> 'COPIED' then 0 when n.cuts_exposure then n.volume else n.opened_volume end,
        case
          when n.reason in (
            'TTL_EXPIRED', 'HALTED', 'EQUITY_PROTECTION', 'EQUITY_UNKNOWN', 'NO_BALANCE', 'DEGRADED_GAP', 'LOCKED_NO_FUNDS',
            'PAUSED_TOXIC', 'PAUSED_BY_USER'
          ) then 'MISSED'
          when n.reason <> 'COPIED' then 'SKIPPED'
          when n.cuts_exposure and n.volume = 0 then 'CLOSING'
          else 'DELIVERED'
        end,
        p_now, p_now, (n.reason = 'COPIED')::integer, case when n.reason = 'COPIED' then n.stop_loss end,
        case when n.reason = 'COPIED' then n.take_profit end, n.is_reversed,
        case when n.cuts_exposure and n.volume = 0 then n.delivery_seq end
      from decided as n
      where n.reason = 'COPIED' or (n.raises_exposure and n.reason not in ('ALREADY_COPIED', 'ENDED'))
      on conflict (lane, subscription_id, stream_id, position_id) do update
      set
        symbol = excluded.symbol, side = excluded.side, master_volume = excluded.master_volume,
        opened_volume = excluded.opened_volume, is_reversed = excluded.is_reversed,
        target_volume = case
          when c.status in ('MISSED', 'SKIPPED') then excluded.target_volume
          else least(c.target_volume, excluded.target_volume)
        end,
        status = case
          when c.status in ('MISSED', 'SKIPPED') then excluded.status
          when excluded.target_volume = 0 then 'CLOSING'
          else c.status
        end,
        pending = c.pending + excluded.pending, closing_seq = coalesce(c.closing_seq, excluded.closing_seq),
        stop_loss = coalesce(excluded.stop_loss, c.stop_loss), take_profit = coalesce(excluded.take_profit, c.take_profit),
        changed_at = p_now
      where c.status in ('MISSED', 'SKIPPED') or excluded.status not in ('MISSED', 'SKIPPED')
    ), advanced as (
      insert into signals.dispatch_cursors as c (lane, stream_id, stream_lane, epoch, seq)
      select p_lane, f.stream_id, f.stream_lane, f.epoch, f.seq
      from fresh as f
      on conflict (lane, stream_id) do update set epoch = excluded.epoch, seq = excluded.seq
    )
    -- As signals.deliveries would read them.
    select
      n.subscription_id, n.delivery_seq, n.stream_id, n.epoch, n.seq, false, false, n.action, coalesce(n.symbol, ''),
      coalesce(n.side, ''), n.position_id, core.e8(n.volume), core.e8(n.price), core.e8(n.stop_loss), core.e8(n.take_profit),
      core.e8(n.max_deviation), core.microseconds(n.sent_at), core.microseconds(n.expires_at), coalesce(n.magic, 0),
      coalesce(n.order_type, 'MARKET'), n.session_id, core.e8(n.held_volume), coalesce(n.ticket, 0), core.e8(null)
    from decided as n
    where n.delivery_seq is not null;
  end loop;

  -- A book that changed behind the followers' backs is caught up by the clock, within a second or so and a few at a time: all of
  -- them at once, over a large book, would keep everybody else waiting.
  if cardinality(v_differing) > 0 then
    update signals.subscription_heads as h
    -- Due now, behind those who have waited longer.
    set checked_at = least(h.checked_at, p_now - interval '61 seconds')
    where h.lane = p_lane and h.subscription_id = any (
      array(select s.subscription_id from signals.subscriptions as s where s.lane = p_lane and s.stream_id = any (v_differing))
    );
  end if;
end
$$;

comment on function signals.decide(
  smallint, timestamptz, integer[], bigint[], integer[], bigint[], text[], text[], text[], bigint[], numeric[], numeric[],
  numeric[], numeric[], bigint[], text[], integer[], timestamptz[], timestamptz[], numeric[], numeric[], numeric[], jsonb[]
) is
'Decides the elements p_only of these arrays, as of p_now, for every subscription of the lane, and returns the new deliveries; the
caller holds the cursors and heads.';
