-- A barrier view. What is closed stays closed, whatever is halted. The newest hundred signals of each stream, by key.
create or replace view ops.stream_states with (security_barrier = true) as
select
  s.stream_id, s.name, a.name as account, case when k.since is null then s.status else 'HALTED' end as status,
  k.actor as status_by, k.reason as status_reason, k.since as status_at, h.epoch, h.last_seq,
  nullif(h.gap_seq, 0) as gap_seq, h.session_id is not null as has_master, n.newest_at, n.delay_p50, n.delay_p99,
  o.received_at as oldest_at
from signals.streams as s
inner join signals.stream_heads as h on h.lane = s.lane and h.stream_id = s.stream_id
inner join access.accounts as a on a.account_id = s.account_id
left join lateral (
  select w.actor, w.reason, w.since
  from signals.halts as w
  where (w.scope, w.subject) in (('GLOBAL', ''), ('STREAM', s.stream_id::text), ('ACCOUNT', s.account_id::text))
  order by w.since
  limit 1
) as k on s.status <> 'CLOSED'
left join lateral (
  select
    max(x.received_at) as newest_at,
    percentile_disc(0.5) within group (order by x.received_at - x.sent_at) as delay_p50,
    percentile_disc(0.99) within group (order by x.received_at - x.sent_at) as delay_p99
  from (
    select w.received_at, w.sent_at
    from signals.signals as w
    where w.lane = s.lane and w.stream_id = s.stream_id
    order by w.epoch desc, w.seq desc
    limit 100
  ) as x
) as n on true
left join signals.log_starts as l on l.lane = s.lane and l.stream_id = s.stream_id
left join lateral (
  select w.received_at
  from signals.signals as w
  where w.lane = s.lane and w.stream_id = s.stream_id and (w.epoch, w.seq) > (coalesce(l.epoch, 0), coalesce(l.seq, 0))
  order by w.epoch, w.seq
  limit 1
) as o on true;

comment on view ops.stream_states is
'Every stream: its status and, where it or its account or everything is halted, by whom; where it stands, how long its newest 100 signals were on their way, how old its log is.';
comment on column ops.stream_states.gap_seq is 'The number that was expected when the last gap was counted, in this epoch; null: none.';
comment on column ops.stream_states.delay_p50 is 'From the master''s clock to the plane''s, of the newest 100 signals: half were faster.';
comment on column ops.stream_states.oldest_at is 'When the oldest signal came that retention has not been at.';
