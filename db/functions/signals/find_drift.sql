-- requires: core/now signals/catch_up
-- A job: each run takes those whose books were compared longest ago, a minute at least; a cut that failed comes first. Few at
-- a time, for dispatch waits for the heads that it holds.
create or replace function signals.find_drift() returns text
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.now();
  v_lane smallint;
  v_total integer := 0;
begin
  for v_lane in select l.lane from core.lanes as l order by l.lane loop
    v_total := v_total + signals.catch_up(v_lane, array(
      select h.subscription_id
      from signals.subscription_heads as h
      inner join signals.subscriptions as s on s.lane = v_lane and s.subscription_id = h.subscription_id
      where h.lane = v_lane and (h.checked_at is null or h.checked_at < v_now - interval '1 minute') and (
        s.ended_at is null or exists (
          select from signals.copies as c
          where c.lane = v_lane and c.subscription_id = h.subscription_id and c.stream_id = s.stream_id
            and c.status in ('DELIVERED', 'OPEN', 'CLOSING')
        )
      )
      order by h.checked_at nulls first
      limit 200
    ), 'schedule');
  end loop;
  return case when v_total > 0 then v_total || ' deliveries' end;
end
$$;

comment on function signals.find_drift() is
'Catches up the subscriptions whose books were not compared for a minute, 200 of each lane at a time. Null when nothing differed.';
