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
      left join signals.settlements as e on e.lane = v_lane and e.subscription_id = h.subscription_id
      where h.lane = v_lane and coalesce(e.settled_seq, 0) < h.delivery_seq and exists (
        select from signals.reports as w
        where w.lane = v_lane and w.subscription_id = h.subscription_id and w.delivery_seq = coalesce(e.settled_seq, 0) + 1
          and w.status <> 'UNKNOWN'
      )
      offset 0
    ) as f
    where f.settled_seq > f.before
    order by f.subscription_id
    on conflict (lane, subscription_id) do update set settled_seq = excluded.settled_seq
    where w.settled_seq < excluded.settled_seq;

    delete from signals.escalations as e
    where e.lane = v_lane and not exists (
      select from signals.overdue as o
      where o.lane = v_lane and o.subscription_id = e.subscription_id and o.delivery_seq = e.delivery_seq
    );
    with late as (
      select
        o.subscription_id, o.delivery_seq, o.stream_id, o.action, o.decided_at,
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
        v_lane, v_now, 'PLANE', 'TRS30', l.stream_id, l.subscription_id, l.delivery_seq,
        jsonb_build_object('action', l.action, 'level', l.level, 'since', l.decided_at)
      from raised as r
      inner join late as l on l.subscription_id = r.subscription_id and l.delivery_seq = r.delivery_seq
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
