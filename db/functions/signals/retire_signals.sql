-- requires: audit/bury audit/retirable core/now ops/record_retirement ops/setting
-- A job. Each run takes the stream whose log begins earliest, and of its oldest signals so many that there are some ten thousand
-- decisions about them. By key only, and only rows that were decided long ago: nobody waits for it. What something live needs stays:
-- * deliveries without a final report, and whatever is about a copy that is not closed or a position that the master still holds;
-- * the newest snapshot, and all signals of a position that was not closed: they rebuild the same book as the whole log;
-- * what was not dispatched everywhere, and the newest signals, at which the head of the stream stands;
-- * every signal that a decision is left of, with all others of its position;
-- * what was not sealed long enough ago (audit.retirable). What goes leaves its hash to the audit chain.
create or replace function signals.retire_signals() returns text
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_before timestamptz := core.now() - ops.setting('keep_signals');
  v_sealed bigint := audit.retirable();
  v_stream record;
  v_end record;
  v_decisions signals.decisions[];
  v_reports signals.reports[];
  v_signals signals.signals[];
begin
  select s.lane, s.stream_id, coalesce(l.epoch, 0) as epoch, coalesce(l.seq, 0) as seq, n.subscriptions into v_stream
  from signals.streams as s
  inner join signals.stream_heads as h on h.lane = s.lane and h.stream_id = s.stream_id
  left join signals.log_starts as l on l.lane = s.lane and l.stream_id = s.stream_id
  cross join lateral (
    select x.epoch, x.seq, x.received_at, x.xact
    from signals.signals as x
    where x.lane = s.lane and x.stream_id = s.stream_id and (x.epoch, x.seq) > (coalesce(l.epoch, 0), coalesce(l.seq, 0))
    order by x.epoch, x.seq
    limit 1
  ) as o
  cross join lateral (
    select count(*) as subscriptions
    from core.lanes as w
    inner join signals.subscriptions as k on k.lane = w.lane and k.stream_id = s.stream_id
  ) as n
  where o.received_at < v_before and o.xact < v_sealed and (o.epoch, o.seq) < (h.accepted_epoch, h.accepted_seq)
    and (o.epoch, o.seq) < (h.epoch, h.last_seq) and not exists (
      select from core.lanes as w
      inner join signals.dispatch_cursors as c on c.lane = w.lane and c.stream_id = s.stream_id
      where (c.epoch, c.seq) < (o.epoch, o.seq)
    )
  order by o.received_at, s.lane, s.stream_id
  limit 1;
  -- Who rebuilds a book from this log keeps it as it is until he has read it.
  if v_stream.stream_id is null
    or not pg_try_advisory_xact_lock(hashtext('signals.log_starts'), v_stream.stream_id::integer)
  then
    return null;
  end if;

  select p.epoch, p.seq into v_end
  from (
    select x.epoch, x.seq, bool_and(
      x.received_at < v_before and x.xact < v_sealed
      and (x.epoch, x.seq) < (h.accepted_epoch, h.accepted_seq) and (x.epoch, x.seq) < (h.epoch, h.last_seq)
      and not exists (
        select from core.lanes as w
        inner join signals.dispatch_cursors as c on c.lane = w.lane and c.stream_id = x.stream_id
        where (c.epoch, c.seq) < (x.epoch, x.seq)
      )
    ) over (order by x.epoch, x.seq) as may_go
    from (
      select w.stream_id, w.epoch, w.seq, w.received_at, w.xact
      from signals.signals as w
      where w.lane = v_stream.lane and w.stream_id = v_stream.stream_id and (w.epoch, w.seq) > (v_stream.epoch, v_stream.seq)
      order by w.epoch, w.seq
      limit greatest(1, 10000 / (v_stream.subscriptions + 10))
    ) as x
    inner join signals.stream_heads as h on h.lane = v_stream.lane and h.stream_id = x.stream_id
  ) as p
  where p.may_go
  order by p.epoch desc, p.seq desc
  limit 1;

  insert into signals.settlements as w (lane, subscription_id, settled_seq, retired_seq)
  select d.lane, d.subscription_id, 0, max(d.delivery_seq)
  from core.lanes as l
  inner join signals.decisions as d
    on d.lane = l.lane and d.stream_id = v_stream.stream_id
      and (d.epoch, d.seq) > (v_stream.epoch, v_stream.seq) and (d.epoch, d.seq) <= (v_end.epoch, v_end.seq)
  where d.delivery_seq is not null
  group by d.lane, d.subscription_id
  order by d.lane, d.subscription_id
  on conflict (lane, subscription_id) do update set retired_seq = greatest(w.retired_seq, excluded.retired_seq);

  with gone as (
    delete from signals.decisions as d
    using core.lanes as l
    where d.lane = l.lane and d.stream_id = v_stream.stream_id
      and (d.epoch, d.seq) <= (v_end.epoch, v_end.seq) and d.decided_at < v_before and d.xact < v_sealed
      and (d.delivery_seq is null or exists (
        select from signals.reports as r
        where r.lane = d.lane and r.subscription_id = d.subscription_id and r.delivery_seq = d.delivery_seq
          and r.status <> 'UNKNOWN' and r.xact < v_sealed
      ))
      and not exists (
        select from signals.copies as c
        where c.lane = d.lane and c.subscription_id = d.subscription_id and c.stream_id = d.stream_id
          and c.position_id = d.position_id and c.status in ('DELIVERED', 'OPEN', 'CLOSING')
      )
      and not exists (
        select from signals.positions as p
        where p.lane = d.lane and p.stream_id = d.stream_id and p.position_id = d.position_id
      )
    returning d.lane, d.subscription_id, d.delivery_seq, d as decision
  ), answered as (
    delete from signals.reports as r
    using gone as g
    where r.lane = g.lane and r.subscription_id = g.subscription_id and r.delivery_seq = g.delivery_seq
    returning r as report
  )
  select (select array_agg(g.decision) from gone as g), (select array_agg(a.report) from answered as a) into v_decisions, v_reports;

  with kept as materialized (
    select d.epoch, d.seq, d.position_id
    from core.lanes as l
    inner join signals.decisions as d
      on d.lane = l.lane and d.stream_id = v_stream.stream_id and (d.epoch, d.seq) <= (v_end.epoch, v_end.seq)
  ), gone as (
    delete from signals.signals as x
    using (
      select
        w.epoch, w.seq, w.position_id, w.verdict <> 'ACCEPTED'
        or bool_or(w.verdict = 'ACCEPTED' and w.action in ('CLOSE', 'CANCEL')) over (
          partition by w.position_id order by w.epoch desc, w.seq desc
        )
        or coalesce(
          bool_or(w.verdict = 'ACCEPTED' and w.action = 'SNAPSHOT') over (
            order by w.epoch desc, w.seq desc rows between unbounded preceding and 1 preceding
          ), false
        ) as is_past
      from signals.signals as w
      where w.lane = v_stream.lane and w.stream_id = v_stream.stream_id and (w.epoch, w.seq) <= (v_end.epoch, v_end.seq)
    ) as k
    where k.is_past and x.lane = v_stream.lane and x.stream_id = v_stream.stream_id and x.epoch = k.epoch and x.seq = k.seq
      and (k.epoch, k.seq) not in (select n.epoch, n.seq from kept as n)
      -- By position too: an opening that stays without its close would be open in the book again.
      and coalesce(k.position_id, 0) not in (select n.position_id from kept as n where n.position_id <> 0)
    returning x as signal
  )
  select array_agg(g.signal) into v_signals from gone as g;

  perform
    audit.bury('signals.signals', v_signals),
    audit.bury('signals.decisions', v_decisions),
    audit.bury('signals.reports', v_reports);
  insert into signals.log_starts (lane, stream_id, epoch, seq)
  values (v_stream.lane, v_stream.stream_id, v_end.epoch, v_end.seq)
  on conflict (lane, stream_id) do update set epoch = excluded.epoch, seq = excluded.seq;
  perform
    ops.record_retirement('signals.signals', v_before, coalesce(cardinality(v_signals), 0)),
    ops.record_retirement('signals.decisions', v_before, coalesce(cardinality(v_decisions), 0)),
    ops.record_retirement('signals.reports', v_before, coalesce(cardinality(v_reports), 0));
  return format(
    'stream %s: %s signals, %s decisions, %s reports', v_stream.stream_id, coalesce(cardinality(v_signals), 0),
    coalesce(cardinality(v_decisions), 0), coalesce(cardinality(v_reports), 0)
  );
end
$$;

comment on function signals.retire_signals() is
'Retires the oldest signals of one stream, with their decisions and reports, as far as they are older than the setting
keep_signals and nothing live needs them; a slice at a time. Null when nothing was old enough.';
