-- requires: core/now trust/hold trust/record trust/recover trust/settle
-- A job: what single events do not show, over the last 24 hours, and what a day without an incident regains. It reads without a lock
-- that anybody waits for, and writes for the few it finds: those of each lane in the order of lanes, providers before subscribers.
-- A pattern is held against an account once in 24 hours, and not after a reset in them; a day is credited once, by recovered_at. So a second run finds nothing,
-- one that was cut off left nothing, and a clock that was set back finds events and credits ahead of it.
create or replace function trust.scan() returns text
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set work_mem = '64MB'
-- Millions of rows make some hundred thousand groups: hashed in a third of the time that it takes to sort them, whatever is estimated.
set enable_sort = off
as $$
declare
  v_now timestamptz := core.now();
  v_since timestamptz := v_now - interval '24 hours';
  v_of_providers text[] := array(select r.code from trust.rules as r where r.role = 'provider');
  v_of_subscribers text[] := array(select r.code from trust.rules as r where r.role = 'subscriber');
  v_found jsonb;
  v_due record;
  v_patterns integer := 0;
  v_recovered integer := 0;
begin
  with minutes as materialized (
    select
      p.lane, p.subscription_id, case when p.subscription_id is null then p.stream_id end as stream_id, count(*) as refusals,
      count(*) filter (where p.origin = 'GUARD' and p.code in ('TRG01', 'TRG02')) as refused
    from signals.protection_events as p
    where p.occurred_at > v_since and p.occurred_at <= v_now
      and p.code = any (case when p.subscription_id is null then v_of_providers else v_of_subscribers end)
    group by 1, 2, 3, date_bin('1 minute', p.occurred_at, timestamptz '2000-01-01 00:00:00+00')
  ), bursts as (
    select distinct m.lane, o.account_id, o.role, 'BURST' as code
    from minutes as m
    cross join lateral (
      select s.account_id, 'subscriber' as role
      from signals.subscriptions as s
      where s.lane = m.lane and s.subscription_id = m.subscription_id
      union all
      select w.account_id, 'provider'
      from signals.streams as w
      where w.lane = m.lane and w.stream_id = m.stream_id
    ) as o
    where m.refusals >= 100
  ), suspects as (
    -- With fewer refusals than these nobody shows a habit.
    select m.lane, m.subscription_id
    from minutes as m
    where m.refused > 0
    group by m.lane, m.subscription_id
    having sum(m.refused) >= 6
  ), answers as materialized (
    -- Openings that the subscriber's terminal took or refused, and where the master's next price of that symbol was.
    select d.lane, d.subscription_id, r.status = 'REJECTED' as is_refused, n.move
    from suspects as u
    inner join signals.reports as r on r.lane = u.lane and r.subscription_id = u.subscription_id
    inner join signals.decisions as d
      on d.lane = r.lane and d.subscription_id = r.subscription_id and d.delivery_seq = r.delivery_seq
    left join lateral (
      select (x.price - d.price) * case d.side when 'BUY' then 1 else -1 end as move
      from signals.decisions as x
      where x.lane = d.lane and x.subscription_id = d.subscription_id and x.stream_id = d.stream_id
        and (x.epoch, x.seq) > (d.epoch, d.seq) and x.symbol = d.symbol and x.price > 0
      order by x.epoch, x.seq
      limit 1
    ) as n on true
    where r.reported_at > v_since and r.reported_at <= v_now and r.settled_by is null and d.action in ('OPEN', 'PLACE')
      and (r.status = 'EXECUTED' or (r.status = 'REJECTED' and r.code in ('TRG01', 'TRG02')))
  ), habits as (
    select
      s.lane, s.account_id, count(*) as answered, avg(a.is_refused::integer) as refused,
      count(*) filter (where a.move > 0) as good, count(*) filter (where a.move < 0) as bad,
      avg(a.is_refused::integer) filter (where a.move > 0) as refused_of_good,
      avg(a.is_refused::integer) filter (where a.move < 0) as refused_of_bad
    from answers as a
    inner join signals.subscriptions as s on s.lane = a.lane and s.subscription_id = a.subscription_id
    group by s.lane, s.account_id
  ), found as (
    select b.* from bursts as b
    union all
    select h.lane, h.account_id, 'subscriber', 'REJECTION_RATE' from habits as h where h.answered >= 20 and h.refused > 0.5
    union all
    select h.lane, h.account_id, 'subscriber', 'LATENCY_ARBITRAGE'
    from habits as h
    where h.good >= 10 and h.bad >= 10 and h.refused_of_bad - h.refused_of_good >= 0.6
  )
  select jsonb_agg(f.*) into v_found
  from found as f
  left join trust.scores as u on u.lane = f.lane and u.account_id = f.account_id and u.role = f.role
  where coalesce(u.score, 100) > 0 and not exists (
    select from trust.events as e
    where e.lane = f.lane and e.account_id = f.account_id and e.role = f.role and e.code in (f.code, 'RESET')
      and e.occurred_at > v_since
  );

  for v_due in
    select
      l.lane, r.role, f.accounts, f.codes, array(
        select s.account_id
        from trust.scores as s
        where s.lane = l.lane and s.role = r.role and s.score < 100
          and greatest(s.last_incident_at, s.recovered_at) <= v_now - interval '24 hours'
      ) as rested
    from core.lanes as l
    cross join (values ('provider'), ('subscriber')) as r (role)
    left join (
      select
        w.lane, w.role, array_agg(w.account_id order by w.account_id, w.code) as accounts,
        array_agg(w.code order by w.account_id, w.code) as codes
      from jsonb_to_recordset(v_found) as w (lane smallint, role text, account_id bigint, code text)
      group by w.lane, w.role
    ) as f on f.lane = l.lane and f.role = r.role
    order by l.lane, r.role
  loop
    continue when v_due.accounts is null and v_due.rested = '{}';
    perform trust.hold(v_due.lane, v_due.role, v_due.accounts || v_due.rested);
    if v_due.accounts is not null then
      perform trust.record(v_due.lane, v_now, 'trust.scan', v_due.role, v_due.accounts, v_due.codes, null, null, null, null);
      v_patterns := v_patterns + cardinality(v_due.codes);
    end if;
    v_recovered := v_recovered + trust.recover(v_due.lane, v_due.role, v_due.rested, v_now);
    -- A lane after the other: who holds the scores of the next must not come back for the subscriptions of this one.
    if v_due.role = 'subscriber' then
      perform trust.settle(v_due.lane);
    end if;
  end loop;
  return nullif(concat_ws(
    ', ', case when v_patterns > 0 then v_patterns || ' patterns' end,
    case when v_recovered > 0 then v_recovered || ' recovered' end
  ), '');
end
$$;

comment on function trust.scan() is
'Bursts, rejection rates and the shape of latency arbitrage over the last 24 hours (docs/trust.md), and 10 points for each 24 hours
without an incident. Null when there was nothing.';
