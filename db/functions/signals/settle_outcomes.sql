-- requires: billing/settle_deliveries
-- The one place where anything but the EA says what became of a delivery. p_outcomes: [{delivery_seq, status, ticket, price,
-- volume}]; what they mean for the copy is the caller's.
create or replace function signals.settle_outcomes(
  p_lane smallint, p_subscription bigint, p_outcomes jsonb, p_by text, p_now timestamptz
) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_settled bigint[];
begin
  with outcomes as materialized (
    select o.*, case when o.status <> 'EXECUTED' then 'TRR06' end as code
    from jsonb_to_recordset(p_outcomes) as o (delivery_seq bigint, status text, ticket bigint, price numeric, volume numeric)
  ), stored as (
    insert into signals.reports as r (
      lane, subscription_id, delivery_seq, status, code, ticket, price, volume, reported_at, settled_by
    )
    select p_lane, p_subscription, o.delivery_seq, o.status, o.code, o.ticket, o.price, o.volume, p_now, p_by
    from outcomes as o
    order by o.delivery_seq
    on conflict (lane, subscription_id, delivery_seq) do update
    set
      status = excluded.status, code = excluded.code, ticket = excluded.ticket, price = excluded.price,
      volume = excluded.volume, reported_at = excluded.reported_at, settled_by = excluded.settled_by, xact = excluded.xact
    where r.status = 'UNKNOWN'
    returning r.delivery_seq
  ), recorded as (
    insert into signals.protection_events (lane, occurred_at, origin, code, stream_id, subscription_id, seq, detail)
    select
      p_lane, p_now, 'PLANE', o.code, d.stream_id, p_subscription, o.delivery_seq,
      jsonb_build_object('status', o.status, 'action', d.action, 'settled_by', p_by)
    from stored as s
    inner join outcomes as o on o.delivery_seq = s.delivery_seq
    inner join signals.decisions as d
      on d.lane = p_lane and d.subscription_id = p_subscription and d.delivery_seq = o.delivery_seq
    where o.code is not null
  )
  select array_agg(s.delivery_seq) into v_settled from stored as s;
  if v_settled is null then
    return 0;
  end if;
  perform billing.settle_deliveries(p_lane, array_fill(p_subscription, array[cardinality(v_settled)]), v_settled);
  return cardinality(v_settled);
end
$$;

comment on function signals.settle_outcomes(smallint, bigint, jsonb, text, timestamptz) is
'Gives deliveries without a final report one, by SNAPSHOT or OPERATOR. Returns how many.';
