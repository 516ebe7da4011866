-- requires: core/now signals/catch_up
-- A job: each run takes those whose books were compared longest ago, a minute at least; whose cut failed, or whose master's
-- snapshot differed, sooner. No more at a time than takes some hundredth of a second, by the copies and positions that there
-- are to look at: dispatch waits for the heads that it holds. What cannot be caught up is recorded, and nobody else's fails with it.
create or replace function signals.find_drift() returns text
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_now timestamptz := core.now();
  v_due record;
  v_subscription bigint;
  v_total integer := 0;
begin
  for v_due in
    -- Locked in the order of everybody else.
    select w.lane, array_agg(w.subscription_id order by w.subscription_id) as subscriptions
    from (
      select
        l.lane, d.subscription_id, d.checked_at,
        sum(d.work) over (order by d.checked_at, l.lane, d.subscription_id) - d.work as before
      from core.lanes as l
      cross join lateral (
        -- Of the many that are due, only those whose turn it is are looked at more closely.
        select
          w.subscription_id, w.checked_at, 10 + c.copies + case when w.ended_at is null then p.positions else 0 end as work
        from (
          select h.subscription_id, h.checked_at, s.stream_id, s.ended_at
          from (
            select x.subscription_id, coalesce(x.checked_at, v_now - interval '1 minute') as checked_at
            from signals.subscription_heads as x
            where x.lane = l.lane and (x.checked_at is null or x.checked_at <= v_now - interval '1 minute')
            order by 2
            offset 0
          ) as h
          cross join lateral (
            select x.stream_id, x.ended_at
            from signals.subscriptions as x
            where x.lane = l.lane and x.subscription_id = h.subscription_id
            limit 1
          ) as s
          where s.ended_at is null or (
            select true from signals.copies as x
            where x.lane = l.lane and x.subscription_id = h.subscription_id and x.stream_id = s.stream_id
              and x.status in ('DELIVERED', 'OPEN', 'CLOSING')
            limit 1
          )
          order by h.checked_at
          limit 200
        ) as w
        cross join lateral (
          select count(*) as copies from signals.copies as x
          where x.lane = l.lane and x.subscription_id = w.subscription_id and x.stream_id = w.stream_id
            and x.status in ('DELIVERED', 'OPEN', 'CLOSING')
        ) as c
        cross join lateral (
          select count(*) as positions from signals.positions as x where x.lane = l.lane and x.stream_id = w.stream_id
        ) as p
      ) as d
    ) as w
    where w.before < 3000
    group by w.lane
    order by w.lane
  loop
    begin
      v_total := v_total + signals.catch_up(v_due.lane, v_due.subscriptions, 'schedule');
      continue;
    -- Whatever it is: a bug that one subscription's rows bring out must not leave all the others without a look.
    exception when others then
      null;
    end;
    foreach v_subscription in array v_due.subscriptions loop
      begin
        v_total := v_total + signals.catch_up(v_due.lane, array[v_subscription], 'schedule');
      exception when others then
        insert into signals.protection_events (lane, occurred_at, origin, code, subscription_id, detail)
        values (
          v_due.lane, v_now, 'PLANE', 'TRS37', v_subscription, jsonb_build_object('sqlstate', sqlstate, 'message', sqlerrm)
        );
        update signals.subscription_heads as h
        set checked_at = v_now
        where h.lane = v_due.lane and h.subscription_id = v_subscription;
      end;
    end loop;
  end loop;
  return case when v_total > 0 then v_total || ' deliveries' end;
end
$$;

comment on function signals.find_drift() is
'Catches up the subscriptions whose books were not compared for a minute, as many as are
soon done. Null when nothing differed.';
