-- requires: core/e8 core/microseconds signals/advance_book signals/appraise signals/volume_limits
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
  v_halted boolean;
  v_differing bigint[];
  v_symbols text[];
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
  select k.halted into v_halted from core.kill_switch as k;

  return query
  with fresh as materialized (
    select
      a.*, x.raises_exposure, x.cuts_exposure, c.stream_lane, c.is_halted,
      (
        p_lane, a.stream_id, a.position_id, a.symbol, a.side, coalesce(a.order_type, 'MARKET'), a.volume, a.volume, a.price,
        coalesce(a.stop_loss, 0), coalesce(a.take_profit, 0), coalesce(a.magic, 0), a.digits, a.contract_size, a.balance,
        a.equity, a.sent_at, a.epoch, a.seq
      )::signals.positions as opening
    from unnest(
      p_streams, p_epochs, p_seqs, p_actions, v_symbols, p_sides, p_positions, p_volumes, p_prices, p_stop_losses,
      p_take_profits, p_magics, p_order_types, p_digits, p_sent_at, p_received_at, p_contract_sizes, p_balances, p_equities
    ) with ordinality as a (
      stream_id, epoch, seq, action, symbol, side, position_id, volume, price, stop_loss,
      take_profit, magic, order_type, digits, sent_at, received_at, contract_size, balance, equity, ord
    )
    inner join signals.dispatch_cursors as c on c.lane = p_lane and c.stream_id = a.stream_id
    inner join signals.actions as x on x.action = a.action
    where a.ord = any (p_only)
  ), pairs as (
    select
      f.*, s.subscription_id, s.state, s.settings_version, t.takes_new_exposure, k::signals.copy_settings as settings,
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
    inner join signals.subscription_states as t on t.state = s.state
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
  ), appraised as materialized (
    -- Column by column: what goes through the windows below is copied at each.
    select
      p.stream_id, p.epoch, p.seq, p.action, p.symbol, p.side, p.position_id, p.volume, p.price, p.stop_loss, p.take_profit,
      p.magic, p.order_type, p.sent_at, p.raises_exposure, p.cuts_exposure, p.subscription_id, p.settings_version, p.delivered, p.session_id,
      p.day, p.day_openings, p.copy_symbol, p.copy_side, p.copy_master_volume, p.copy_opened_volume, p.copy_held_volume,
      p.copy_ticket, p.copy_is_reversed, p.is_known, p.is_live, p.step, p.minimum,
      (p.settings).reverse, (p.settings).copy_stops, (p.settings).trades_per_day,
      a.symbol as new_symbol, a.side as new_side, a.order_type as new_order_type, a.stop_loss as new_stop_loss,
      a.take_profit as new_take_profit, a.volume as sized,
      case
        when coalesce(p.head_blocked_by, (p.portfolio).blocked_by) is not null then
          a.inputs || jsonb_build_object('value', coalesce(p.head_blocked_by, (p.portfolio).blocked_by))
        when (p.portfolio).is_protected and a.reason is null then a.inputs || jsonb_build_object('value', nullif(p.stated_at, '-infinity'))
        else a.inputs
      end as new_inputs,
      case
        when not p.raises_exposure then null
        when v_halted or p.is_halted then 'HALTED'
        when not p.takes_new_exposure then p.state
        when coalesce(p.head_blocked_by, (p.portfolio).blocked_by) is not null then 'EQUITY_PROTECTION'
        when (p.portfolio).is_protected and (p.stated_at >= p_now - interval '1 minute') is not true then 'EQUITY_UNKNOWN'
        when p.is_known then 'ALREADY_COPIED'
        when p.sent_at < p_now - (p.settings).ttl then 'TTL_EXPIRED'
        else coalesce(a.reason, 'COPIED')
      end as ruling,
      case when p.raises_exposure then p.sent_at + (p.settings).ttl end as expires_at,
      case when p.raises_exposure then
        (p.settings).max_deviation_points * power(10::numeric, -coalesce((p.resolution).digits, p.digits))
      end as max_deviation,
      case when p.raises_exposure then signals.local_time((p.settings).zone, (p.portfolio).broker_offset, p_now)::date end as today
    from pairs as p
    left join lateral signals.appraise(
      p.opening, p.settings, p.portfolio, p.resolution, p.step, p.minimum, p.maximum, p_now
    ) as a on p.raises_exposure
  ), gated as (
    -- Of several openings of a position the first that may be copied is, as it would be one signal at a time.
    select
      r.*,
      case
        when r.raises_exposure and count(*) filter (where r.ruling = 'COPIED') over before_it > 0 then 'ALREADY_COPIED'
        else r.ruling
      end as gate
    from appraised as r
    window before_it as (
      partition by r.subscription_id, r.position_id order by r.epoch, r.seq rows between unbounded preceding and 1 preceding
    )
  ), limited as (
    select
      g.*,
      case
        when g.gate = 'COPIED' and g.trades_per_day
          <= coalesce(count(*) filter (where g.gate = 'COPIED') over before_it, 0)
            + case when g.day = g.today then g.day_openings else 0 end
          then 'TRADES_PER_DAY'
        else g.gate
      end as limited_gate
    from gated as g
    window before_it as (
      partition by g.subscription_id order by g.epoch, g.seq rows between unbounded preceding and 1 preceding
    )
  ), joined as (
    -- What a signal manages was opened before this batch (copy_…) or earlier in it.
    select
      g.*,
      coalesce(g.copy_symbol, max(g.new_symbol) filter (where g.limited_gate = 'COPIED') over of_position) as its_symbol,
      coalesce(g.copy_side, max(g.new_side) filter (where g.limited_gate = 'COPIED') over of_position) as its_side,
      coalesce(g.copy_is_reversed, g.reverse) as is_reversed,
      coalesce(g.copy_master_volume, max(g.volume) filter (where g.limited_gate = 'COPIED') over of_position) as master_volume,
      coalesce(g.copy_opened_volume, max(g.sized) filter (where g.limited_gate = 'COPIED') over of_position) as opened_volume,
      case
        -- What would have been copied already, had the day not been over for it too.
        when g.gate = 'ALREADY_COPIED' and not g.is_known and count(*) filter (where g.limited_gate = 'COPIED') over of_position = 0
          then case when g.ruling = 'COPIED' then 'TRADES_PER_DAY' else g.ruling end
        when g.raises_exposure then g.limited_gate
        when g.action = 'SNAPSHOT' then 'SNAPSHOT_RECORDED'
        when g.action = 'MODIFY' and not g.copy_stops then 'NOT_COPIED'
        when g.is_live or count(*) filter (where g.limited_gate = 'COPIED') over of_position > 0 then 'COPIED'
        else 'NOT_COPIED'
      end as reason,
      bool_or(g.limited_gate = 'COPIED') over (partition by g.subscription_id, g.position_id) as is_opened
    from limited as g
    window of_position as (partition by g.subscription_id, g.position_id order by g.epoch, g.seq)
  ), targeted as (
    select
      j.*,
      case when j.reason = 'COPIED' and j.action = 'PARTIAL_CLOSE' then
        -- div() is exact, where a quotient rounds: a third of 0.3 lots is 0.1, not 0.09.
        case
          when j.volume >= j.master_volume then j.opened_volume
          else div(j.opened_volume * j.volume, j.master_volume * j.step) * j.step
        end
      end as remainder
    from joined as j
  ), numbered as materialized (
    select
      t.subscription_id, t.session_id, t.stream_id, t.epoch, t.seq, t.reason, t.position_id, t.price, t.magic, t.sent_at,
      t.settings_version, t.raises_exposure, t.cuts_exposure, t.master_volume, t.opened_volume, t.is_reversed, t.today, t.is_opened,
      t.volume as signal_volume,
      -- To set no stop is to take it back, which is not to say nothing of it; where stops are not copied there are none.
      case
        when t.raises_exposure then t.new_stop_loss
        when t.cuts_exposure then null
        else coalesce(case when not t.copy_stops then 0 when t.is_reversed then t.take_profit else t.stop_loss end, 0)
      end as stop_loss,
      case
        when t.raises_exposure then t.new_take_profit
        when t.cuts_exposure then null
        else coalesce(case when not t.copy_stops then 0 when t.is_reversed then t.stop_loss else t.take_profit end, 0)
      end as take_profit,
      case when t.raises_exposure then t.new_order_type else t.order_type end as order_type,
      case when t.remainder < t.minimum then 'CLOSE' else t.action end as action,
      coalesce(case when not t.raises_exposure then t.its_symbol end, t.new_symbol, t.symbol) as symbol,
      coalesce(case when not t.raises_exposure then t.its_side end, t.new_side, t.side) as side,
      case
        when t.reason <> 'COPIED' then null
        when t.raises_exposure then t.sized
        when t.remainder >= t.minimum then t.remainder
        when t.cuts_exposure then 0
      end as volume,
      case when not t.raises_exposure then t.copy_held_volume end as held_volume,
      case when not t.raises_exposure then t.copy_ticket end as ticket,
      t.expires_at, t.max_deviation,
      case
        when t.raises_exposure then t.new_inputs
        when t.remainder is not null then jsonb_build_object(
          'mode', 'REMAINDER', 'master_volume', t.master_volume, 'master_remains', t.volume,
          'opened_volume', t.opened_volume, 'numerator', t.opened_volume * least(t.volume, t.master_volume),
          'denominator', t.master_volume, 'step', t.step, 'minimum', t.minimum
        )
        else '{}'
      end as inputs,
      case when t.reason = 'COPIED' then
        t.delivered
        + count(*) filter (where t.reason = 'COPIED') over (partition by t.subscription_id order by t.epoch, t.seq)
      end as delivery_seq
    from targeted as t
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
    from numbered as n
  ), counted as (
    insert into signals.subscription_heads as h (lane, subscription_id, delivery_seq, day, day_openings)
    select p_lane, n.subscription_id, max(n.delivery_seq), max(n.today), count(*) filter (where n.raises_exposure)
    from numbered as n
    where n.delivery_seq is not null
    group by n.subscription_id
    order by n.subscription_id
    on conflict (lane, subscription_id) do update
    set
      delivery_seq = excluded.delivery_seq, day = coalesce(excluded.day, h.day),
      day_openings = excluded.day_openings + case when coalesce(excluded.day, h.day) = h.day then h.day_openings else 0 end
  ), copied as (
    insert into signals.copies as c (
      lane, subscription_id, stream_id, position_id, symbol, side, master_volume, opened_volume, target_volume, status,
      opened_at, changed_at, pending, stop_loss, take_profit, is_reversed, closing_seq
    )
    select
      p_lane, t.subscription_id, t.stream_id, t.position_id, t.symbol, t.side, t.master_volume, t.opened_volume,
      coalesce(t.target_volume, t.opened_volume), case when t.target_volume = 0 then 'CLOSING' else 'DELIVERED' end,
      p_now, p_now, t.deliveries, t.stop_loss, t.take_profit, t.is_reversed, t.closing_seq
    from (
      select
        n.subscription_id, n.stream_id, n.position_id, max(n.symbol) as symbol, max(n.side) as side,
        max(n.master_volume) as master_volume, max(n.opened_volume) as opened_volume,
        min(n.volume) filter (where n.cuts_exposure) as target_volume, count(*) as deliveries,
        bool_or(n.is_reversed) as is_reversed,
        min(n.delivery_seq) filter (where n.cuts_exposure and n.volume = 0) as closing_seq,
        (array_agg(n.stop_loss order by n.epoch desc, n.seq desc) filter (where not n.cuts_exposure))[1] as stop_loss,
        (array_agg(n.take_profit order by n.epoch desc, n.seq desc) filter (where not n.cuts_exposure))[1] as take_profit
      from numbered as n
      where n.reason = 'COPIED'
      group by n.subscription_id, n.stream_id, n.position_id
    ) as t
    order by t.subscription_id, t.position_id
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
  ), passed_over as (
    -- So that late join knows what was missed and what is not wanted.
    insert into signals.copies as c (
      lane, subscription_id, stream_id, position_id, symbol, side, master_volume, opened_volume, target_volume, status,
      opened_at, changed_at
    )
    select
      p_lane, t.subscription_id, t.stream_id, t.position_id, t.symbol, t.side, t.volume, 0, 0, t.status, p_now, p_now
    from (
      select distinct on (n.subscription_id, n.stream_id, n.position_id)
        n.subscription_id, n.stream_id, n.position_id, n.symbol, n.side, n.signal_volume as volume,
        case
          when n.reason in (
            'TTL_EXPIRED', 'HALTED', 'EQUITY_PROTECTION', 'EQUITY_UNKNOWN', 'NO_BALANCE', 'DEGRADED_GAP', 'LOCKED_NO_FUNDS',
            'PAUSED_TOXIC', 'PAUSED_BY_USER'
          ) then 'MISSED'
          else 'SKIPPED'
        end as status
      from numbered as n
      where n.raises_exposure and not n.is_opened and n.reason not in ('ALREADY_COPIED', 'ENDED')
      order by n.subscription_id, n.stream_id, n.position_id, n.epoch desc, n.seq desc
    ) as t
    order by t.subscription_id, t.position_id
    on conflict (lane, subscription_id, stream_id, position_id) do update
    set
      symbol = excluded.symbol, side = excluded.side, master_volume = excluded.master_volume, status = excluded.status,
      changed_at = p_now
    where c.status in ('MISSED', 'SKIPPED')
  ), advanced as (
    insert into signals.dispatch_cursors as c (lane, stream_id, stream_lane, epoch, seq)
    select distinct on (f.stream_id) p_lane, f.stream_id, f.stream_lane, f.epoch, f.seq
    from fresh as f
    order by f.stream_id, f.epoch desc, f.seq desc
    on conflict (lane, stream_id) do update set epoch = excluded.epoch, seq = excluded.seq
  )
  -- As signals.deliveries would read them.
  select
    n.subscription_id, n.delivery_seq, n.stream_id, n.epoch, n.seq, false, false, n.action, coalesce(n.symbol, ''),
    coalesce(n.side, ''), n.position_id, core.e8(n.volume), core.e8(n.price), core.e8(n.stop_loss), core.e8(n.take_profit),
    core.e8(n.max_deviation), core.microseconds(n.sent_at), core.microseconds(n.expires_at), coalesce(n.magic, 0),
    coalesce(n.order_type, 'MARKET'), n.session_id, core.e8(n.held_volume), coalesce(n.ticket, 0), core.e8(null)
  from numbered as n
  where n.delivery_seq is not null
  order by n.subscription_id, n.delivery_seq;

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
