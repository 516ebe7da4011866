-- requires: core/fail core/now signals/copy_volume signals/deliveries
-- One lane of subscribers, the signals as arguments: nothing here reads another lane. Idempotent by the cursor of
-- (lane, stream), which is locked first; then the heads of the subscriptions, ascending, as report does.
-- Joins that are looked up row by row are laterals with a limit, and rows that exist are changed by ON CONFLICT: a plan
-- that is made while the tables are empty must still be right when they are not.
-- What raises exposure is gated here; what manages or cuts it is skipped only where nothing was ever copied.
create or replace function signals.dispatch(
  p_lane smallint, p_from_streams bigint[], p_from_epochs integer[], p_from_seqs bigint[], p_streams bigint[],
  p_epochs integer[], p_seqs bigint[], p_actions text[], p_symbols text[], p_sides text[], p_positions bigint[],
  p_volumes numeric[], p_prices numeric[], p_stop_losses numeric[], p_take_profits numeric[], p_magics bigint[],
  p_order_types text[], p_digits integer[], p_sent_at timestamptz[], p_received_at timestamptz[]
) returns setof signals.delivery
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_now timestamptz;
  v_halted boolean;
  v_ahead jsonb;
  v_subscriptions bigint[];
  v_delivered bigint[];
begin
  perform 1
  from signals.dispatch_cursors as c
  where c.lane = p_lane and c.stream_id = any (p_streams)
  order by c.stream_id
  for no key update;

  select jsonb_agg(f.stream_id) into v_ahead
  from unnest(p_from_streams, p_from_epochs, p_from_seqs) as f (stream_id, epoch, seq)
  left join signals.dispatch_cursors as c on c.lane = p_lane and c.stream_id = f.stream_id
  where (c.epoch, c.seq) < (f.epoch, f.seq);
  if v_ahead is not null then
    perform core.fail('TRS21', jsonb_build_object('lane', p_lane, 'streams', v_ahead));
  end if;

  with locked as materialized (
    select h.subscription_id, h.delivery_seq
    from signals.subscription_heads as h
    where h.lane = p_lane and h.subscription_id = any (
      array(
        select s.subscription_id
        from signals.subscriptions as s
        where s.lane = p_lane and s.stream_id = any (p_streams)
      )
    )
    order by h.subscription_id
    for no key update
  )
  select array_agg(l.subscription_id order by l.subscription_id), array_agg(l.delivery_seq order by l.subscription_id)
  into v_subscriptions, v_delivered
  from locked as l;
  -- After the locks: who waited must not judge by an older clock than who went before.
  v_now := core.now();
  select k.halted into v_halted from core.kill_switch as k;

  with fresh as materialized (
    select a.*, x.raises_exposure, x.cuts_exposure, c.stream_lane
    from unnest(
      p_streams, p_epochs, p_seqs, p_actions, p_symbols, p_sides, p_positions, p_volumes, p_prices, p_stop_losses,
      p_take_profits, p_magics, p_order_types, p_digits, p_sent_at, p_received_at
    ) as a (
      stream_id, epoch, seq, action, symbol, side, position_id, volume, price, stop_loss,
      take_profit, magic, order_type, digits, sent_at, received_at
    )
    inner join signals.dispatch_cursors as c
      on c.lane = p_lane and c.stream_id = a.stream_id and (a.epoch, a.seq) > (c.epoch, c.seq)
    inner join signals.actions as x on x.action = a.action
  ), pairs as (
    select
      f.*, s.subscription_id, s.state, s.settings_version, t.takes_new_exposure, k::signals.copy_settings as settings,
      h.delivery_seq as delivered, signals.copy_volume(f.volume, k::signals.copy_settings) as sized,
      c.symbol as copy_symbol, c.side as copy_side, c.master_volume as copy_master_volume,
      c.opened_volume as copy_opened_volume, c.position_id is not null as is_known,
      coalesce(c.status in ('DELIVERED', 'OPEN', 'CLOSING'), false) as is_live
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
      select w.delivery_seq
      from signals.subscription_heads as w
      where w.lane = p_lane and w.subscription_id = s.subscription_id
      limit 1
    ) as h
    left join lateral (
      select w.*
      from signals.copies as w
      where w.lane = p_lane and w.subscription_id = s.subscription_id and w.stream_id = f.stream_id
        and w.position_id = f.position_id
      limit 1
    ) as c on true
    -- What arrived before the end is answered for, whenever dispatch comes to it.
    where coalesce(f.received_at < s.ended_at, true)
      or (not f.raises_exposure and f.action <> 'SNAPSHOT' and c.status in ('DELIVERED', 'OPEN', 'CLOSING'))
  ), ruled as (
    select
      p.*,
      case
        when not p.raises_exposure then null
        when v_halted then 'HALTED'
        when not p.takes_new_exposure then p.state
        when p.is_known then 'ALREADY_COPIED'
        when p.sent_at < v_now - (p.settings).ttl then 'TTL_EXPIRED'
        when p.sized < (p.settings).volume_min then 'BELOW_MINIMUM'
        else 'COPIED'
      end as ruling
    from pairs as p
  ), gated as (
    -- Of several openings of a position the first that may be copied is, as it would be one signal at a time.
    select
      r.*,
      case
        when r.raises_exposure and count(*) filter (where r.ruling = 'COPIED') over before_it > 0 then 'ALREADY_COPIED'
        else r.ruling
      end as gate
    from ruled as r
    window before_it as (
      partition by r.subscription_id, r.position_id order by r.epoch, r.seq rows between unbounded preceding and 1 preceding
    )
  ), joined as (
    -- What a signal manages was opened before this batch (copy_…) or earlier in it.
    select
      g.*,
      coalesce(g.copy_symbol, max(g.symbol) filter (where g.gate = 'COPIED') over of_position) as its_symbol,
      coalesce(g.copy_side, max(g.side) filter (where g.gate = 'COPIED') over of_position) as its_side,
      coalesce(g.copy_master_volume, max(g.volume) filter (where g.gate = 'COPIED') over of_position) as master_volume,
      coalesce(g.copy_opened_volume, max(g.sized) filter (where g.gate = 'COPIED') over of_position) as opened_volume,
      case
        when g.raises_exposure then g.gate
        when g.action = 'SNAPSHOT' then 'SNAPSHOT_RECORDED'
        when g.is_live or count(*) filter (where g.gate = 'COPIED') over of_position > 0 then 'COPIED'
        else 'NOT_COPIED'
      end as reason
    from gated as g
    window of_position as (partition by g.subscription_id, g.position_id order by g.epoch, g.seq)
  ), targeted as (
    select
      j.*,
      case when j.reason = 'COPIED' and j.action = 'PARTIAL_CLOSE' then
        -- div() is exact, where a quotient rounds: a third of 0.3 lots is 0.1, not 0.09.
        div(j.opened_volume * least(j.volume, j.master_volume), j.master_volume * (j.settings).volume_step)
        * (j.settings).volume_step
      end as remainder
    from joined as j
  ), numbered as materialized (
    select
      t.subscription_id, t.stream_id, t.epoch, t.seq, t.reason, t.position_id, t.price, t.stop_loss, t.take_profit,
      t.magic, t.order_type, t.sent_at, t.settings_version, t.raises_exposure, t.cuts_exposure, t.master_volume,
      t.opened_volume,
      case when t.remainder < (t.settings).volume_min then 'CLOSE' else t.action end as action,
      coalesce(case when not t.raises_exposure then t.its_symbol end, t.symbol) as symbol,
      coalesce(case when not t.raises_exposure then t.its_side end, t.side) as side,
      case
        when t.reason <> 'COPIED' then null
        when t.raises_exposure then t.sized
        when t.remainder >= (t.settings).volume_min then t.remainder
        when t.cuts_exposure then 0
      end as volume,
      case when t.raises_exposure then t.sent_at + (t.settings).ttl end as expires_at,
      case when t.raises_exposure then
        (t.settings).max_deviation_points * power(10::numeric, -t.digits)
      end as max_deviation,
      case
        when t.raises_exposure then jsonb_build_object(
          'mode', 'multiplier', 'master_volume', t.volume, 'multiplier', (t.settings).multiplier,
          'raw', t.volume * (t.settings).multiplier, 'step', (t.settings).volume_step,
          'minimum', (t.settings).volume_min, 'maximum', (t.settings).volume_max, 'volume', t.sized,
          'age_ms', round(extract(epoch from v_now - t.sent_at) * 1000, 3),
          'ttl_ms', extract(epoch from (t.settings).ttl) * 1000
        )
        when t.remainder is not null then jsonb_build_object(
          'mode', 'remainder', 'master_volume', t.master_volume, 'master_remains', t.volume,
          'opened_volume', t.opened_volume, 'raw', t.opened_volume * least(t.volume, t.master_volume) / t.master_volume,
          'step', (t.settings).volume_step, 'minimum', (t.settings).volume_min, 'volume', t.remainder
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
      decided_at
    )
    select
      p_lane, n.subscription_id, n.stream_id, n.epoch, n.seq, n.delivery_seq, n.reason, n.action, n.symbol, n.side,
      n.position_id, n.volume, n.price, n.stop_loss, n.take_profit, n.magic, n.order_type, n.max_deviation, n.sent_at,
      n.expires_at, n.settings_version, n.inputs, v_now
    from numbered as n
  ), counted as (
    insert into signals.subscription_heads as h (lane, subscription_id, delivery_seq)
    select p_lane, n.subscription_id, max(n.delivery_seq)
    from numbered as n
    where n.delivery_seq is not null
    group by n.subscription_id
    order by n.subscription_id
    on conflict (lane, subscription_id) do update set delivery_seq = excluded.delivery_seq
  ), copied as (
    insert into signals.copies as c (
      lane, subscription_id, stream_id, position_id, symbol, side, master_volume, opened_volume, target_volume, status,
      opened_at, changed_at
    )
    select
      p_lane, t.subscription_id, t.stream_id, t.position_id, t.symbol, t.side, t.master_volume, t.opened_volume,
      coalesce(t.target_volume, t.opened_volume), case when t.target_volume = 0 then 'CLOSING' else 'DELIVERED' end,
      v_now, v_now
    from (
      select
        n.subscription_id, n.stream_id, n.position_id, max(n.symbol) as symbol, max(n.side) as side,
        max(n.master_volume) as master_volume, max(n.opened_volume) as opened_volume,
        min(n.volume) filter (where n.cuts_exposure) as target_volume
      from numbered as n
      where n.reason = 'COPIED' and (n.raises_exposure or n.cuts_exposure)
      group by n.subscription_id, n.stream_id, n.position_id
    ) as t
    order by t.subscription_id, t.position_id
    on conflict (lane, subscription_id, stream_id, position_id) do update
    set
      target_volume = least(c.target_volume, excluded.target_volume),
      status = case when excluded.target_volume = 0 then 'CLOSING' else c.status end,
      changed_at = v_now
  )
  insert into signals.dispatch_cursors as c (lane, stream_id, stream_lane, epoch, seq)
  select distinct on (f.stream_id) p_lane, f.stream_id, f.stream_lane, f.epoch, f.seq
  from fresh as f
  order by f.stream_id, f.epoch desc, f.seq desc
  on conflict (lane, stream_id) do update set epoch = excluded.epoch, seq = excluded.seq;

  if found then
    perform pg_notify('ecp_deliveries', p_lane::text);
  end if;
  return query select d.* from signals.deliveries(p_lane, v_subscriptions, v_delivered, false, 2147483647) as d;
end
$$;

comment on function signals.dispatch(
  smallint, bigint[], integer[], bigint[], bigint[], integer[], bigint[], text[], text[], text[], bigint[], numeric[],
  numeric[], numeric[], numeric[], bigint[], text[], integer[], timestamptz[], timestamptz[]
) is
'Decides these signals (as signals.feed returned them from p_from) for every subscription of the lane, stores the decisions and
returns the new deliveries. Repeating it changes nothing. Fails with TRS21 when p_from is ahead of the lane''s cursor.';
