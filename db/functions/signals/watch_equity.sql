-- requires: signals/catch_up
-- A protection is a latch: a daily loss until the broker's next day, the others until an operator or subscriber lifts them.
-- The caller holds the heads and the portfolios.
create or replace function signals.watch_equity(p_lane smallint, p_portfolios bigint[], p_now timestamptz) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_triggered integer;
begin
  if p_portfolios = '{}' then
    return 0;
  end if;
  update signals.protections as r
  set triggered_at = null, triggered_day = null, triggered_value = null
  from signals.equities as e
  where r.lane = p_lane and r.portfolio_id = any (p_portfolios) and r.kind = 'DAILY_LOSS'
    and e.lane = p_lane and e.portfolio_id = r.portfolio_id and e.subscription_id = r.subscription_id
    and r.triggered_day < e.day;

  with measured as (
    select
      r.protection_id, r.portfolio_id, r.subscription_id, r.kind, r.action, r.threshold, r.unit, e.day, e.equity,
      case r.kind
        when 'DAILY_LOSS' then e.day_equity - e.equity
        when 'DRAWDOWN' then e.peak_equity - e.equity
        else e.equity
      end as value,
      r.threshold * case when r.unit = 'MONEY' then 1 when r.kind = 'DAILY_LOSS' then e.day_equity / 100 else e.peak_equity / 100 end
      as bound
    from signals.protections as r
    inner join signals.equities as e
      on e.lane = p_lane and e.portfolio_id = r.portfolio_id and e.subscription_id = r.subscription_id
    where r.lane = p_lane and r.portfolio_id = any (p_portfolios) and r.removed_at is null and r.triggered_at is null
  ), triggered as (
    update signals.protections as r
    set triggered_at = p_now, triggered_day = m.day, triggered_value = m.value
    from measured as m
    where r.lane = p_lane and r.protection_id = m.protection_id
      and m.bound > 0 and case m.kind when 'EQUITY_FLOOR' then m.value <= m.bound else m.value >= m.bound end
    returning r.protection_id
  ), recorded as (
    insert into signals.protection_events (lane, occurred_at, origin, code, subscription_id, detail)
    select
      p_lane, p_now, 'PLANE', 'TRS31', nullif(m.subscription_id, 0),
      jsonb_build_object(
        'protection', m.protection_id, 'portfolio', m.portfolio_id, 'kind', m.kind, 'action', m.action, 'threshold', m.threshold,
        'unit', m.unit, 'value', m.value, 'equity', m.equity
      )
    from triggered as t
    inner join measured as m on m.protection_id = t.protection_id
  )
  select count(*) into v_triggered from triggered;

  -- CLOSE_ALL outranks CLOSE_ONLY; NOTIFY blocks nothing.
  update signals.portfolios as p
  set blocked_by = (
    select r.protection_id
    from signals.protections as r
    where r.lane = p_lane and r.portfolio_id = p.portfolio_id and r.subscription_id = 0 and r.removed_at is null
      and r.triggered_at is not null and r.action <> 'NOTIFY'
    order by r.action, r.protection_id
    limit 1
  )
  where p.lane = p_lane and p.portfolio_id = any (p_portfolios);
  update signals.subscription_heads as h
  set blocked_by = (
    select r.protection_id
    from signals.protections as r
    where r.lane = p_lane and r.portfolio_id = s.portfolio_id and r.subscription_id = h.subscription_id
      and r.removed_at is null and r.triggered_at is not null and r.action <> 'NOTIFY'
    order by r.action, r.protection_id
    limit 1
  )
  from signals.subscriptions as s
  where s.lane = p_lane and s.portfolio_id = any (p_portfolios) and h.lane = p_lane and h.subscription_id = s.subscription_id;

  if v_triggered > 0 then
    perform signals.catch_up(p_lane, array(
      select s.subscription_id
      from signals.subscriptions as s
      where s.lane = p_lane and s.portfolio_id = any (p_portfolios)
      order by s.subscription_id
    ), 'protection');
  end if;
  return v_triggered;
end
$$;

comment on function signals.watch_equity(smallint, bigint[], timestamptz) is
'Judges the protections of these portfolios by signals.equities: triggers, blocks, and closes all where that was asked for. Returns
how many were triggered.';
