create or replace function signals.feed(
  p_lane smallint, p_streams bigint[], p_epochs integer[], p_seqs bigint[], p_limit integer
) returns table (
  stream_id bigint, epoch integer, seq bigint, action text, symbol text, side text, position_id bigint,
  volume numeric, price numeric, stop_loss numeric, take_profit numeric, magic bigint, order_type text,
  digits integer, sent_at timestamptz, received_at timestamptz, contract_size numeric, balance numeric, equity numeric,
  book jsonb
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
  select
    x.stream_id, x.epoch, x.seq, x.action, x.symbol, x.side, x.position_id, x.volume, x.price, x.stop_loss,
    x.take_profit, x.magic, x.order_type, coalesce(i.digits, 0)::integer, x.sent_at, x.received_at,
    coalesce(i.contract_size, 1), x.balance, x.equity,
    case when x.action = 'SNAPSHOT' then (
      -- With what the lanes of the followers need to know of each symbol.
      select coalesce(jsonb_agg(b || coalesce(jsonb_build_object('digits', n.digits, 'contract_size', n.contract_size), '{}')), '[]')
      from jsonb_array_elements(x.book) as b
      left join lateral (
        select w.digits, w.contract_size
        from signals.instruments as w
        where w.lane = p_lane and w.stream_id = x.stream_id and w.symbol = b ->> 'symbol'
        limit 1
      ) as n on true
    ) end
  from unnest(p_streams, p_epochs, p_seqs) as f (stream_id, epoch, seq)
  cross join lateral (
    select s.*
    from signals.signals as s
    where s.lane = p_lane and s.stream_id = f.stream_id and (s.epoch, s.seq) > (f.epoch, f.seq)
      and s.verdict = 'ACCEPTED'
    order by s.epoch, s.seq
    limit p_limit
  ) as x
  left join lateral (
    select w.digits, w.contract_size
    from signals.instruments as w
    where w.lane = p_lane and w.stream_id = x.stream_id and w.symbol = x.symbol
    limit 1
  ) as i on true
  order by x.stream_id, x.epoch, x.seq
  limit p_limit
$$;

comment on function signals.feed(smallint, bigint[], integer[], bigint[], integer) is
'Accepted signals of these streams after these positions, in order: what dispatch is called with.';
