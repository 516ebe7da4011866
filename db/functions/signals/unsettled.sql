-- From settled_seq on, so that it costs what is open and not what has been.
create or replace function signals.unsettled(p_lane smallint, p_subscription bigint, p_last bigint)
returns setof signals.decisions
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select d.*
  from signals.decisions as d
  where d.lane = p_lane and d.subscription_id = p_subscription and d.delivery_seq <= p_last and d.delivery_seq > coalesce(
    (select w.settled_seq from signals.settlements as w where w.lane = p_lane and w.subscription_id = p_subscription), 0
  ) and not exists (
    select
    from signals.reports as r
    where r.lane = p_lane and r.subscription_id = d.subscription_id and r.delivery_seq = d.delivery_seq
      and r.status <> 'UNKNOWN'
  )
$$;

comment on function signals.unsettled(smallint, bigint, bigint) is
'Deliveries of a subscription up to p_last that have no final report: unanswered, or UNKNOWN.';
