-- requires: access/is_tenant access/may_touch core/fail signals/decide signals/feed signals/formula signals/rebuild_book signals/next_settings
-- The real rules over a follower that never was: in a lane that nobody else sees, with the account, portfolio and symbols of the
-- real one, each signal decided as of when it was received; then all of it is rolled back. Balance and equity are those of now.
-- A subscriber may look back to before it subscribed, but what came after its end is not its to read.
create or replace function signals.what_if(
  p_subscription bigint, p_settings jsonb, p_from timestamptz, p_to timestamptz
) returns table (
  sent_at timestamptz, epoch integer, seq bigint, action text, symbol text, side text, master_volume numeric,
  reason_then text, volume_then numeric, reason text, copy_symbol text, copy_side text, volume numeric, formula text,
  notional numeric, cost numeric
)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_subscription signals.subscriptions;
  v_lane smallint;
  v_account bigint;
  v_portfolio bigint;
  v_copy bigint;
  v_until timestamptz;
  v_start record;
  v_signal record;
  v_done boolean := false;
  v_result jsonb;
begin
  select s.* into v_subscription from signals.subscriptions as s where s.subscription_id = p_subscription;
  if v_subscription.subscription_id is null or not access.may_touch('subscription', p_subscription) then
    perform core.fail('TRS17', jsonb_build_object('subscription', p_subscription));
  elsif (p_from < p_to and p_to - p_from <= interval '31 days') is not true then
    perform core.fail('TRS36', jsonb_build_object('from', p_from, 'to', p_to));
  end if;
  v_until := case when access.is_tenant() then least(p_to, v_subscription.ended_at) else p_to end;
  begin
    insert into core.lanes (lane) select max(l.lane) + 1 from core.lanes as l returning core.lanes.lane into v_lane;
    insert into access.accounts (lane, name, roles)
    values (v_lane, 'what-if ' || gen_random_uuid(), '{subscriber}') returning account_id into v_account;
    insert into signals.portfolios (
      lane, account_id, name, mode, currency, balance, equity, broker_offset, stated_at, created_at
    )
    select v_lane, v_account, 'what-if', p.mode, p.currency, p.balance, p.equity, p.broker_offset, p.stated_at, p.created_at
    from signals.portfolios as p
    where p.lane = v_subscription.lane and p.portfolio_id = v_subscription.portfolio_id
    returning portfolio_id into v_portfolio;
    insert into signals.symbol_resolutions
    select (jsonb_populate_record(r, jsonb_build_object('lane', v_lane, 'portfolio_id', v_portfolio))).*
    from signals.symbol_resolutions as r
    where r.lane = v_subscription.lane and r.portfolio_id = v_subscription.portfolio_id;
    select coalesce(max(x.epoch), 0) as epoch, coalesce(max(x.seq), 0) as seq into v_start
    from (
      select w.epoch, w.seq
      from signals.signals as w
      where w.lane = v_subscription.stream_lane and w.stream_id = v_subscription.stream_id and w.verdict = 'ACCEPTED'
        and w.received_at < p_from
      order by w.epoch desc, w.seq desc
      limit 1
    ) as x;
    insert into signals.subscriptions (
      lane, account_id, portfolio_id, stream_lane, stream_id, stream_name, started_epoch, started_seq, created_at
    )
    values (
      v_lane, v_account, v_portfolio, v_subscription.stream_lane, v_subscription.stream_id, v_subscription.stream_name,
      v_start.epoch, v_start.seq, p_from
    )
    returning subscription_id into v_copy;
    insert into signals.subscription_heads (lane, subscription_id) values (v_lane, v_copy);
    insert into signals.dispatch_cursors (lane, stream_id, stream_lane, epoch, seq)
    values (v_lane, v_subscription.stream_id, v_subscription.stream_lane, v_start.epoch, v_start.seq);
    perform signals.rebuild_book(v_lane, v_subscription.stream_id);
    perform signals.next_settings(
      v_copy, to_jsonb(k) - array['lane', 'subscription_id', 'version', 'hours_minutes', 'created_at', 'actor'], 'what-if'
    )
    from signals.copy_settings as k
    where k.lane = v_subscription.lane and k.subscription_id = p_subscription and k.version = v_subscription.settings_version;
    perform signals.next_settings(v_copy, coalesce(p_settings, '{}'), 'what-if');

    while not v_done loop
      v_done := true;
      for v_signal in
        select f.*
        from signals.dispatch_cursors as c
        cross join lateral signals.feed(c.stream_lane, array[c.stream_id], array[c.epoch], array[c.seq], 1000) as f
        where c.lane = v_lane
      loop
        v_done := v_signal.received_at >= v_until;
        exit when v_done;
        perform signals.decide(
          v_lane, v_signal.received_at, '{1}', array[v_signal.stream_id], array[v_signal.epoch], array[v_signal.seq],
          array[v_signal.action], array[v_signal.symbol], array[v_signal.side], array[v_signal.position_id],
          array[v_signal.volume], array[v_signal.price], array[v_signal.stop_loss], array[v_signal.take_profit],
          array[v_signal.magic], array[v_signal.order_type], array[v_signal.digits], array[v_signal.sent_at],
          array[v_signal.received_at], array[v_signal.contract_size], array[v_signal.balance], array[v_signal.equity],
          array[v_signal.book]
        );
      end loop;
    end loop;

    select jsonb_agg(to_jsonb(o)) into v_result
    from (
      select
        x.sent_at, x.epoch, x.seq, x.action, x.symbol, x.side, x.volume as master_volume, t.reason as reason_then,
        t.volume as volume_then, d.reason, case when d.delivery_seq is not null then d.symbol end as copy_symbol,
        case when d.delivery_seq is not null then d.side end as copy_side, d.volume, signals.formula(d.inputs) as formula,
        case when d.action in ('OPEN', 'PLACE') then d.volume * x.price * coalesce(r.contract_size, i.contract_size) end as notional,
        -- What this follower's fills of the symbol strayed from the master's prices so far.
        case when d.action in ('OPEN', 'PLACE') then d.volume * coalesce(r.contract_size, i.contract_size) * (
          select avg(p.slippage)
          from signals.decisions as q
          inner join signals.reports as p
            on p.lane = v_subscription.lane and p.subscription_id = p_subscription and p.delivery_seq = q.delivery_seq
          where q.lane = v_subscription.lane and q.subscription_id = p_subscription and q.delivery_seq is not null and q.symbol = d.symbol
            and q.action = 'OPEN' and p.status = 'EXECUTED'
        ) end as cost
      from signals.decisions as d
      inner join signals.signals as x
        on x.lane = v_subscription.stream_lane and x.stream_id = d.stream_id and x.epoch = d.epoch and x.seq = d.seq
      left join signals.decisions as t
        on t.lane = v_subscription.lane and t.subscription_id = p_subscription and t.stream_id = d.stream_id
          and t.epoch = d.epoch and t.seq = d.seq and t.part = 0
      left join signals.symbol_resolutions as r
        on r.lane = v_lane and r.portfolio_id = v_portfolio and r.master_symbol = x.symbol
      left join signals.instruments as i
        on i.lane = v_subscription.stream_lane and i.stream_id = d.stream_id and i.symbol = x.symbol
      where d.lane = v_lane and d.subscription_id = v_copy and d.part = 0 and d.action <> 'SNAPSHOT'
      order by x.epoch, x.seq
    ) as o;
    raise exception using errcode = 'raise_exception', message = 'rolled back';
  exception when raise_exception then
    -- Variables keep what was found; everything else is as it was before.
    if sqlerrm <> 'rolled back' then
      raise;
    end if;
  end;
  return query
  select o.*
  from jsonb_to_recordset(coalesce(v_result, '[]')) as o (
    sent_at timestamptz, epoch integer, seq bigint, action text, symbol text, side text, master_volume numeric,
    reason_then text, volume_then numeric, reason text, copy_symbol text, copy_side text, volume numeric, formula text,
    notional numeric, cost numeric
  );
end
$$;

comment on function signals.what_if(bigint, jsonb, timestamptz, timestamptz) is
'What a subscription would have made of its stream''s signals in a period of at most 31 days with other settings (keys as for
signals.write_settings), beside what it did. notional and cost (mean slippage of its own fills so far) in the profit currency.
A subscriber is shown nothing from the end of its subscription on. Leaves nothing behind. Fails with TRS17, TRS20, TRS36.';
