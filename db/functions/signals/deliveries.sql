-- requires: core/e8 core/microseconds core/now signals/halted
-- With the fence of the subscription: a gateway sends to no other session, so two copiers never get the same opening.
-- TTL and kill switches are judged again here, at the moment of delivery: an opening that is too old, or halted since it was decided,
-- is counted, never executed. Nor is one that was answered before, whatever the answer, nor anything that was answered for good: an EA that lost its state must not do
-- it twice.
create or replace function signals.deliveries(
  p_lane smallint, p_subscriptions bigint[], p_after bigint[], p_resend boolean, p_limit integer
) returns setof signals.delivery
language sql security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
  select
    d.subscription_id, d.delivery_seq, d.stream_id, d.epoch, d.seq, p_resend,
    coalesce(d.expires_at < c.at, false)
    or coalesce(k.is_halted and d.expires_at is not null, false)
    or (r.status is not null and (r.status <> 'UNKNOWN' or d.expires_at is not null)),
    d.action, coalesce(d.symbol, ''), coalesce(d.side, ''), d.position_id, core.e8(d.volume), core.e8(d.price),
    core.e8(d.stop_loss), core.e8(d.take_profit), core.e8(d.max_deviation), core.microseconds(d.sent_at),
    core.microseconds(d.expires_at), coalesce(d.magic, 0), coalesce(d.order_type, 'MARKET'),
    h.session_id, core.e8(d.held_volume), coalesce(d.ticket, 0), core.e8(d.worst_price)
  from (select core.now() as at, exists (select from signals.halts) as anything_halted offset 0) as c
  cross join unnest(p_subscriptions, p_after) as f (subscription_id, after)
  cross join lateral (
    select x.*
    from signals.decisions as x
    where x.lane = p_lane and x.subscription_id = f.subscription_id and x.delivery_seq > f.after
    order by x.delivery_seq
    limit p_limit
  ) as d
  cross join lateral (
    select w.session_id
    from signals.subscription_heads as w
    where w.lane = p_lane and w.subscription_id = d.subscription_id
    limit 1
  ) as h
  left join lateral (
    select w.status
    from signals.reports as w
    where p_resend and w.lane = p_lane and w.subscription_id = d.subscription_id and w.delivery_seq = d.delivery_seq
    limit 1
  ) as r on true
  left join lateral (
    select
      w.everything or d.stream_id = any (w.streams) or d.stream_id = any (w.provided) or s.account_id = any (w.accounts)
      or d.symbol = any (w.symbols) or exists (
        select from signals.symbol_resolutions as x
        where x.lane = p_lane and x.portfolio_id = s.portfolio_id and x.master_symbol = any (w.symbols) and x.symbol = d.symbol
      ) as is_halted
    from signals.halted as w
    cross join lateral (
      select x.account_id, x.portfolio_id
      from signals.subscriptions as x
      where x.lane = p_lane and x.subscription_id = d.subscription_id
      limit 1
    ) as s
    where c.anything_halted
    offset 0
  ) as k on true
  order by d.subscription_id, d.delivery_seq
$$;

comment on function signals.deliveries(smallint, bigint[], bigint[], boolean, integer) is
'What these subscriptions are still owed after these delivery_seqs, at most p_limit each. p_resend marks possible duplicates;
an opening past its TTL or halted by now, and what has a report already, comes as a gap fill.';
