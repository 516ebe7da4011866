-- requires: core/now
-- The master's terminal knows what it holds; the log may have a hole (signals that were refused, a publisher that was down).
create or replace function signals.apply_snapshot(
  p_lane smallint, p_stream bigint, p_epoch integer, p_seq bigint, p_sent_at timestamptz, p_balance numeric,
  p_equity numeric, p_book jsonb
) returns boolean
language sql
set search_path = pg_catalog, pg_temp
as $$
  with told as materialized (
    select distinct on (b.position_id)
      b.position_id, b.symbol, b.side, coalesce(b.order_type, 'MARKET') as order_type, b.volume_e8 * 0.00000001 as volume,
      nullif(b.price_e8, 0) * 0.00000001 as price, coalesce(b.stop_loss_e8, 0) * 0.00000001 as stop_loss,
      coalesce(b.take_profit_e8, 0) * 0.00000001 as take_profit, coalesce(b.magic, 0) as magic,
      coalesce(b.digits, 0) as digits, coalesce(b.contract_size, 1) as contract_size,
      coalesce(timestamptz 'epoch' + nullif(b.opened_at_us, 0) * interval '1 microsecond', p_sent_at) as opened_at
    from jsonb_to_recordset(p_book) as b (
      position_id bigint, symbol text, side text, order_type text, volume_e8 bigint, price_e8 bigint, stop_loss_e8 bigint,
      take_profit_e8 bigint, magic bigint, digits integer, contract_size numeric, opened_at_us bigint
    )
    order by b.position_id
  ), compared as materialized (
    select
      coalesce(t.position_id, p.position_id) as position_id, coalesce(t.symbol, p.symbol) as symbol,
      case
        when t.position_id is null then 'MISSING'
        when p.position_id is null then 'UNEXPECTED'
        when (t.symbol, t.side) <> (p.symbol, p.side) then 'SIDE'
        when t.volume <> p.volume or (t.order_type = 'MARKET') <> (p.order_type = 'MARKET') then 'VOLUME'
        when (t.stop_loss, t.take_profit) <> (p.stop_loss, p.take_profit) then 'STOPS'
      end as kind,
      to_jsonb(p) - 'lane' as expected,
      to_jsonb(t) as found
    from told as t
    full join (select w.* from signals.positions as w where w.lane = p_lane and w.stream_id = p_stream) as p
      on p.position_id = t.position_id
  ), recorded as (
    insert into signals.differences (
      lane, found_at, origin, kind, stream_id, epoch, seq, position_id, symbol, expected, found
    )
    select
      p_lane, core.now(), 'MASTER', c.kind, p_stream, p_epoch, p_seq, c.position_id, c.symbol, c.expected, c.found
    from compared as c
    where c.kind is not null and not exists (
      -- What dispatch has passed was compared then; now the book is only made again.
      select
      from signals.dispatch_cursors as d
      where d.lane = p_lane and d.stream_id = p_stream and (d.epoch, d.seq) >= (p_epoch, p_seq)
    )
    order by c.position_id
  ), gone as (
    delete from signals.positions as p
    using compared as c
    where p.lane = p_lane and p.stream_id = p_stream and p.position_id = c.position_id and c.kind = 'MISSING'
  ), followed as (
    insert into signals.positions as p (
      lane, stream_id, position_id, symbol, side, order_type, volume, opened_volume, price, stop_loss, take_profit, magic,
      digits, contract_size, balance, equity, opened_at, changed_epoch, changed_seq
    )
    select
      p_lane, p_stream, t.position_id, t.symbol, t.side, t.order_type, t.volume, t.volume, t.price, t.stop_loss,
      t.take_profit, t.magic, t.digits, t.contract_size, p_balance, p_equity, t.opened_at, p_epoch, p_seq
    from told as t
    order by t.position_id
    on conflict (lane, stream_id, position_id) do update
    set
      symbol = excluded.symbol, side = excluded.side, order_type = excluded.order_type, volume = excluded.volume,
      opened_volume = greatest(p.opened_volume, excluded.volume), price = coalesce(excluded.price, p.price),
      stop_loss = excluded.stop_loss, take_profit = excluded.take_profit, changed_epoch = excluded.changed_epoch,
      changed_seq = excluded.changed_seq
  )
  select exists (select from compared as c where c.kind is not null)
$$;

comment on function signals.apply_snapshot(
  smallint, bigint, integer, bigint, timestamptz, numeric, numeric, jsonb
) is
'Makes the lane''s copy of the master''s book what the snapshot says, and records in signals.differences what was otherwise.';
