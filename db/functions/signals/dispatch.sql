-- requires: core/fail signals/decide
-- One lane of subscribers, the signals as arguments: nothing here reads another lane. Idempotent by the cursor of
-- (lane, stream), which is locked first; then the heads of the subscriptions, ascending, as report and catch-up do.
create or replace function signals.dispatch(
  p_lane smallint, p_from_streams bigint[], p_from_epochs integer[], p_from_seqs bigint[], p_streams bigint[],
  p_epochs integer[], p_seqs bigint[], p_actions text[], p_symbols text[], p_sides text[], p_positions bigint[],
  p_volumes numeric[], p_prices numeric[], p_stop_losses numeric[], p_take_profits numeric[], p_magics bigint[],
  p_order_types text[], p_digits integer[], p_sent_at timestamptz[], p_received_at timestamptz[],
  p_contract_sizes numeric[], p_balances numeric[], p_equities numeric[], p_books jsonb[]
) returns setof signals.delivery
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_ahead jsonb;
  v_fresh integer[];
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
  select array_agg(a.ord::integer order by a.ord) into v_fresh
  from unnest(p_streams, p_epochs, p_seqs) with ordinality as a (stream_id, epoch, seq, ord)
  inner join signals.dispatch_cursors as c
    on c.lane = p_lane and c.stream_id = a.stream_id and (a.epoch, a.seq) > (c.epoch, c.seq);
  if v_fresh is null then
    return;
  end if;

  perform 1
  from signals.subscription_heads as h
  where h.lane = p_lane and h.subscription_id = any (
    array(
      select s.subscription_id
      from signals.subscriptions as s
      where s.lane = p_lane and s.stream_id = any (p_streams)
    )
  )
  order by h.subscription_id
  for no key update;
  -- After the locks: who waited must not judge by an older clock than who went before.
  return query select d.* from signals.decide(
    p_lane, core.now(), v_fresh, p_streams, p_epochs, p_seqs, p_actions, p_symbols, p_sides, p_positions, p_volumes, p_prices,
    p_stop_losses, p_take_profits, p_magics, p_order_types, p_digits, p_sent_at, p_received_at, p_contract_sizes,
    p_balances, p_equities, p_books
  ) as d;
  perform pg_notify('ecp_deliveries', p_lane::text);
end
$$;

comment on function signals.dispatch(
  smallint, bigint[], integer[], bigint[], bigint[], integer[], bigint[], text[], text[], text[], bigint[], numeric[],
  numeric[], numeric[], numeric[], bigint[], text[], integer[], timestamptz[], timestamptz[], numeric[], numeric[],
  numeric[], jsonb[]
) is
'Decides these signals (as signals.feed returned them from p_from) for every subscription of the lane, stores the decisions and
returns the new deliveries. Repeating it changes nothing. Fails with TRS21 when p_from is ahead of the lane''s cursor.';
