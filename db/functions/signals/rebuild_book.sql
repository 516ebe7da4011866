-- requires: signals/advance_book signals/feed
-- From the newest snapshot that dispatch has passed, otherwise from the beginning or what retention has left of it; by feed, so with the same rules.
create or replace function signals.rebuild_book(p_lane smallint, p_stream bigint) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_cursor signals.dispatch_cursors;
  v_epoch integer;
  v_seq bigint;
  v_read record;
begin
  -- Page by page from one log: retention leaves it alone meanwhile.
  perform pg_advisory_xact_lock_shared(hashtext('signals.log_starts'), p_stream::integer);
  select c.* into strict v_cursor from signals.dispatch_cursors as c where c.lane = p_lane and c.stream_id = p_stream;
  delete from signals.positions as p where p.lane = p_lane and p.stream_id = p_stream;
  select x.epoch, x.seq - 1 into v_epoch, v_seq
  from signals.signals as x
  where x.lane = v_cursor.stream_lane and x.stream_id = p_stream and x.action = 'SNAPSHOT' and x.verdict = 'ACCEPTED'
    and (x.epoch, x.seq) <= (v_cursor.epoch, v_cursor.seq)
  order by x.epoch desc, x.seq desc
  limit 1;
  loop
    select
      array_agg(f.ord::integer order by f.ord) as ords, array_agg(f.stream_id order by f.ord) as streams,
      array_agg(f.epoch order by f.ord) as epochs, array_agg(f.seq order by f.ord) as seqs,
      array_agg(f.action order by f.ord) as actions, array_agg(f.symbol order by f.ord) as symbols,
      array_agg(f.side order by f.ord) as sides, array_agg(f.position_id order by f.ord) as positions,
      array_agg(f.volume order by f.ord) as volumes, array_agg(f.price order by f.ord) as prices,
      array_agg(f.stop_loss order by f.ord) as stop_losses, array_agg(f.take_profit order by f.ord) as take_profits,
      array_agg(f.magic order by f.ord) as magics, array_agg(f.order_type order by f.ord) as order_types,
      array_agg(f.digits order by f.ord) as digits, array_agg(f.sent_at order by f.ord) as sent_at,
      array_agg(f.contract_size order by f.ord) as contract_sizes, array_agg(f.balance order by f.ord) as balances,
      array_agg(f.equity order by f.ord) as equities, array_agg(f.book order by f.ord) as books
    into v_read
    from signals.feed(v_cursor.stream_lane, array[p_stream], array[coalesce(v_epoch, 0)], array[coalesce(v_seq, 0)], 1000)
      with ordinality as f (
        stream_id, epoch, seq, action, symbol, side, position_id, volume, price, stop_loss, take_profit, magic,
        order_type, digits, sent_at, received_at, contract_size, balance, equity, book, ord
      )
    where (f.epoch, f.seq) <= (v_cursor.epoch, v_cursor.seq);
    exit when v_read.ords is null;
    perform signals.advance_book(
      p_lane, v_read.ords, v_read.streams, v_read.epochs, v_read.seqs, v_read.actions, v_read.symbols, v_read.sides,
      v_read.positions, v_read.volumes, v_read.prices, v_read.stop_losses, v_read.take_profits, v_read.magics,
      v_read.order_types, v_read.digits, v_read.sent_at, v_read.contract_sizes, v_read.balances, v_read.equities,
      v_read.books
    );
    v_epoch := v_read.epochs[cardinality(v_read.epochs)];
    v_seq := v_read.seqs[cardinality(v_read.seqs)];
  end loop;
  return (select count(*) from signals.positions as p where p.lane = p_lane and p.stream_id = p_stream)::integer;
end
$$;

comment on function signals.rebuild_book(smallint, bigint) is
'Makes the lane''s copy of a master''s book from the log, up to where the stream was dispatched into the lane. Returns its positions.';
