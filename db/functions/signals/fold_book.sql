-- requires: signals/position_after
create or replace function signals.fold_book(
  p_lane smallint, p_only integer[], p_streams bigint[], p_epochs integer[], p_seqs bigint[], p_actions text[],
  p_symbols text[], p_sides text[], p_positions bigint[], p_volumes numeric[], p_prices numeric[],
  p_stop_losses numeric[], p_take_profits numeric[], p_magics bigint[], p_order_types text[], p_digits integer[],
  p_sent_at timestamptz[], p_contract_sizes numeric[], p_balances numeric[], p_equities numeric[]
) returns void
language sql
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
  with arrived as materialized (
    select
      a.ord, a.action, a.stream_id, a.position_id,
      (
        p_lane, a.stream_id, a.position_id, a.symbol, a.side, coalesce(a.order_type, 'MARKET'), a.volume, a.volume, a.price,
        coalesce(a.stop_loss, 0), coalesce(a.take_profit, 0), coalesce(a.magic, 0), a.digits, a.contract_size, a.balance,
        a.equity, a.sent_at, a.epoch, a.seq
      )::signals.positions as signal
    from unnest(
      p_streams, p_epochs, p_seqs, p_actions, p_symbols, p_sides, p_positions, p_volumes, p_prices, p_stop_losses,
      p_take_profits, p_magics, p_order_types, p_digits, p_sent_at, p_contract_sizes, p_balances, p_equities
    ) with ordinality as a (
      stream_id, epoch, seq, action, symbol, side, position_id, volume, price, stop_loss, take_profit, magic, order_type,
      digits, sent_at, contract_size, balance, equity, ord
    )
    where a.ord = any (p_only) and a.action <> 'SNAPSHOT'
  ), held as materialized (
    select p.lane, p.row, t.stream_id, t.position_id, p.position
    from (select distinct a.stream_id, a.position_id from arrived as a) as t
    cross join lateral (
      select w.lane, w.ctid as row, w as position
      from signals.positions as w
      where w.lane = p_lane and w.stream_id = t.stream_id and w.position_id = t.position_id
      limit 1
    ) as p
  ), folded as materialized (
    select e.stream_id, e.position_id, signals.position_after(e.position, e.action order by e.ord) as position
    from (
      select 0 as ord, 'HELD' as action, h.stream_id, h.position_id, h.position from held as h
      union all
      select a.ord, a.action, a.stream_id, a.position_id, a.signal from arrived as a
    ) as e
    group by e.stream_id, e.position_id
  ), closed as (
    delete from signals.positions as p
    using held as h
    inner join folded as f on f.stream_id = h.stream_id and f.position_id = h.position_id
    where p.lane = h.lane and p.ctid = h.row and (f.position).position_id is null
  )
  insert into signals.positions as p (
    lane, stream_id, position_id, symbol, side, order_type, volume, opened_volume, price, stop_loss, take_profit, magic,
    digits, contract_size, balance, equity, opened_at, changed_epoch, changed_seq
  )
  select
    p_lane, f.stream_id, f.position_id, (f.position).symbol, (f.position).side, (f.position).order_type,
    (f.position).volume, (f.position).opened_volume, (f.position).price, (f.position).stop_loss,
    (f.position).take_profit, (f.position).magic, (f.position).digits, (f.position).contract_size,
    (f.position).balance, (f.position).equity, (f.position).opened_at, (f.position).changed_epoch,
    (f.position).changed_seq
  from folded as f
  where (f.position).position_id is not null
  order by f.stream_id, f.position_id
  on conflict (lane, stream_id, position_id) do update
  set
    symbol = excluded.symbol, side = excluded.side, order_type = excluded.order_type, volume = excluded.volume,
    opened_volume = excluded.opened_volume, price = excluded.price, stop_loss = excluded.stop_loss,
    take_profit = excluded.take_profit, magic = excluded.magic, digits = excluded.digits,
    contract_size = excluded.contract_size, balance = excluded.balance, equity = excluded.equity,
    opened_at = excluded.opened_at, changed_epoch = excluded.changed_epoch, changed_seq = excluded.changed_seq
$$;

comment on function signals.fold_book(
  smallint, integer[], bigint[], integer[], bigint[], text[], text[], text[], bigint[], numeric[], numeric[], numeric[],
  numeric[], bigint[], text[], integer[], timestamptz[], numeric[], numeric[], numeric[]
) is 'Applies the elements p_only of these arrays, none of them a snapshot, to the lane''s copy of the masters'' books.';
