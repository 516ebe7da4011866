-- requires: core/now signals/overdue
-- A job: safe to run at any time and twice. It locks nothing that dispatch or a report would wait for.
create or replace function signals.escalate() returns text
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_now timestamptz := core.now();
  v_lane smallint;
  v_count integer;
  v_total integer := 0;
begin
  for v_lane in select l.lane from core.lanes as l order by l.lane loop
    insert into signals.settlements as w (lane, subscription_id, settled_seq)
    select v_lane, f.subscription_id, f.settled_seq
    from (
      select
        h.subscription_id, coalesce(e.settled_seq, 0) as before,
        (
          -- Deliveries are numbered without a hole, so the place of a report tells whether one before it is missing.
          select max(r.delivery_seq)
          from (
            select w.delivery_seq, row_number() over (order by w.delivery_seq) as place
            from signals.reports as w
            where w.lane = v_lane and w.subscription_id = h.subscription_id and w.delivery_seq > coalesce(e.settled_seq, 0)
              and w.status <> 'UNKNOWN'
            order by w.delivery_seq
            limit 1000
          ) as r
          where r.delivery_seq = coalesce(e.settled_seq, 0) + r.place
        ) as settled_seq
      from signals.subscription_heads as h
      left join lateral (
        select w.settled_seq
        from signals.settlements as w
        where w.lane = v_lane and w.subscription_id = h.subscription_id
        limit 1
      ) as e on true
      where h.lane = v_lane and coalesce(e.settled_seq, 0) < h.delivery_seq and (
        select w.status <> 'UNKNOWN'
        from signals.reports as w
        where w.lane = v_lane and w.subscription_id = h.subscription_id and w.delivery_seq = coalesce(e.settled_seq, 0) + 1
        limit 1
      )
      offset 0
    ) as f
    where f.settled_seq > f.before
    order by f.subscription_id
    on conflict (lane, subscription_id) do update set settled_seq = excluded.settled_seq
    where w.settled_seq < excluded.settled_seq;

    delete from signals.escalations as e
    where e.lane = v_lane and (
      -- Answered for good, and done: what signals.overdue shows no longer.
      select r.status <> 'UNKNOWN'
      from signals.reports as r
      where r.lane = v_lane and r.subscription_id = e.subscription_id and r.delivery_seq = e.delivery_seq
      limit 1
    ) and (
      select true
      from signals.copies as c
      where c.lane = v_lane and c.subscription_id = e.subscription_id and c.closing_seq = e.delivery_seq and c.status = 'CLOSING'
      limit 1
    ) is null;
    with late as (
      select
        o.subscription_id, o.delivery_seq,
        case
          when o.decided_at < v_now - interval '1 hour' then 4
          when o.decided_at < v_now - interval '10 minutes' then 3
          when o.decided_at < v_now - interval '1 minute' then 2
          else 1
        end as level
      from signals.overdue as o
      where o.lane = v_lane and o.decided_at < v_now - interval '10 seconds'
    ), raised as (
      insert into signals.escalations as e (lane, subscription_id, delivery_seq, level, escalated_at)
      select v_lane, l.subscription_id, l.delivery_seq, l.level, v_now from late as l
      order by l.subscription_id, l.delivery_seq
      on conflict (lane, subscription_id, delivery_seq) do update
      set level = excluded.level, escalated_at = excluded.escalated_at
      where e.level < excluded.level
      returning e.subscription_id, e.delivery_seq, e.level
    ), recorded as (
      insert into signals.protection_events (lane, occurred_at, origin, code, stream_id, subscription_id, seq, detail)
      select
        v_lane, v_now, 'PLANE', 'TRS30', d.stream_id, r.subscription_id, r.delivery_seq,
        jsonb_build_object('action', d.action, 'level', r.level, 'since', d.decided_at)
      from raised as r
      cross join lateral (
        select w.stream_id, w.action, w.decided_at
        from signals.decisions as w
        where w.lane = v_lane and w.subscription_id = r.subscription_id and w.delivery_seq = r.delivery_seq
        limit 1
      ) as d
    )
    select count(*) into v_count from raised;
    if v_count > 0 then
      perform pg_notify('ecp_alerts', jsonb_build_object('code', 'TRS30', 'lane', v_lane, 'deliveries', v_count)::text);
    end if;
    v_total := v_total + v_count;
  end loop;
  return case when v_total > 0 then v_total || ' deliveries escalated' end;
end
$$;

comment on function signals.escalate() is
'What manages or cuts exposure and has no final report after 10 seconds, a minute, 10 minutes, an hour: a protection event TRS30 at
each step and a notification on ecp_alerts. Null when there was none.';
