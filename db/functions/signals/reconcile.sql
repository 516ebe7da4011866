-- requires: core/from_e8 core/now signals/catch_up signals/settle_hedging signals/settle_netting
-- The follower's own snapshot of its broker's book, as of the deliveries up to p_last: the only thing besides the EA's report
-- that can say what became of an order. Not hot: an EA sends it when it starts, and when it is in doubt.
create or replace function signals.reconcile(
  p_lane smallint, p_session uuid, p_subscription bigint, p_last bigint, p_tickets bigint[], p_positions bigint[],
  p_delivery_seqs bigint[], p_symbols text[], p_sides text[], p_volumes bigint[], p_prices bigint[], p_stop_losses bigint[],
  p_take_profits bigint[], p_order_types text[]
) returns table (code text, detail text, settled integer, differences integer, delivery_seq bigint)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
declare
  v_head signals.subscription_heads;
  v_mode text;
  v_book jsonb;
  v_code text;
  v_settled integer;
  v_differences integer;
  v_is_clear boolean := true;
begin
  -- Of the whole portfolio: on a netting account they share each position.
  perform 1
  from signals.subscription_heads as h
  where h.lane = p_lane and h.subscription_id in (
    select o.subscription_id
    from signals.subscriptions as s
    inner join signals.subscriptions as o on o.lane = p_lane and o.portfolio_id = s.portfolio_id
    where s.lane = p_lane and s.subscription_id = p_subscription
  )
  order by h.subscription_id
  for no key update;
  select h.* into v_head
  from signals.subscription_heads as h
  where h.lane = p_lane and h.subscription_id = p_subscription;
  select p.mode into v_mode
  from signals.subscriptions as s
  inner join signals.portfolios as p on p.lane = p_lane and p.portfolio_id = s.portfolio_id
  where s.lane = p_lane and s.subscription_id = p_subscription;
  select jsonb_agg(to_jsonb(b)), max(
    case
      when length(coalesce(b.symbol, '')) not between 1 and 32 or coalesce(b.side, '') not in ('BUY', 'SELL')
        or (b.volume > 0 and b.together <= 1e9) is not true
        or b.ticket is null or b.order_type not in ('MARKET', 'LIMIT', 'STOP', 'STOP_LIMIT')
        -- Whose it is must be clear.
        or b.listed > 1 or b.opened_position <> b.said_position
        then 'TRR03'
    end
  )
  into v_book, v_code
  from (
    select
      a.ticket, nullif(a.position_id, 0) as position_id, nullif(a.delivery_seq, 0) as delivery_seq, a.symbol, a.side,
      core.from_e8(a.volume) as volume, core.from_e8(a.price) as price, coalesce(core.from_e8(a.stop_loss), 0) as stop_loss,
      coalesce(core.from_e8(a.take_profit), 0) as take_profit, coalesce(a.order_type, 'MARKET') as order_type,
      count(*) over (partition by a.ticket) as listed,
      sum(core.from_e8(a.volume)) over (partition by a.position_id, a.symbol) as together, c.position_id as opened_position,
      coalesce(nullif(a.position_id, 0), d.position_id) as said_position
    from unnest(
      p_tickets, p_positions, p_delivery_seqs, p_symbols, p_sides, p_volumes, p_prices, p_stop_losses, p_take_profits,
      p_order_types
    ) as a (
      ticket, position_id, delivery_seq, symbol, side, volume, price, stop_loss, take_profit, order_type
    )
    left join signals.copies as c on c.lane = p_lane and c.subscription_id = p_subscription and c.ticket = a.ticket
    left join signals.decisions as d
      on d.lane = p_lane and d.subscription_id = p_subscription and d.delivery_seq = nullif(a.delivery_seq, 0)
  ) as b;
  v_code := case
    when (v_head.session_id = p_session) is not true then 'TRA06'
    when p_last is null or p_last not between 0 and v_head.delivery_seq then 'TRS18'
    else v_code
  end;
  if v_code is not null then
    return query select v_code, p_subscription::text, null::integer, null::integer, null::bigint;
    return;
  end if;
  if v_mode = 'NETTING' then
    select s.settled, s.differences, s.is_clear into v_settled, v_differences, v_is_clear
    from signals.settle_netting(p_lane, p_subscription, p_last, coalesce(v_book, '[]'), core.now()) as s;
  else
    select s.settled, s.differences into v_settled, v_differences
    from signals.settle_hedging(p_lane, p_subscription, p_last, coalesce(v_book, '[]'), core.now()) as s;
  end if;
  update signals.subscription_heads as h
  set acknowledged_seq = greatest(h.acknowledged_seq, p_last), 
    -- Lots that nobody accounts for may be those of an opening that was said to be too late.
    book_at = case when v_is_clear then core.now() else h.book_at end
  where h.lane = p_lane and h.subscription_id = p_subscription;
  perform signals.catch_up(p_lane, array[p_subscription], 'reconcile');
  return query
  select null::text, p_subscription::text, v_settled, v_differences, h.delivery_seq
  from signals.subscription_heads as h
  where h.lane = p_lane and h.subscription_id = p_subscription;
end
$$;

comment on function signals.reconcile(
  smallint, uuid, bigint, bigint, bigint[], bigint[], bigint[], text[], text[], bigint[], bigint[], bigint[], bigint[], text[]
) is
'Takes the follower''s own book (NETTING: the account''s net positions) as the truth of deliveries up to p_last: settles what had
no final report, records differences, catches up. code: TRA06, TRR03, TRS18, or null with what was settled and found, and the
newest delivery_seq. Volumes and prices in 1e-8.';
