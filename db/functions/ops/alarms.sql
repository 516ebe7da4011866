-- requires: audit/unsealed_since core/now ops/halts signals/overdue
-- A barrier view: whoever is on duty reads it without reading the tables. It is worked out when it is read, so that it needs no job
-- to be right, least of all when jobs have stopped.
create or replace view ops.alarms with (security_barrier = true) as
-- Two periods after the last run began. What is due every second may take a moment longer now and then.
select
  'JOB_LATE' as alarm, j.name as subject, j.due_at as since,
  format('due every %s, and not done since %s', j.every, coalesce(j.ran_at::text, 'it was declared')) as what,
  'jobs' as runbook
from ops.jobs as j
where core.now() >= j.due_at + greatest(j.every, interval '5 seconds')
union all
select 'JOB_FAILS', j.name, j.failing_since, format('fails with %s: %s', r.sqlstate, r.error), 'jobs'
from ops.jobs as j
left join lateral (
  select w.sqlstate, w.error
  from ops.job_runs as w
  where w.name = j.name and w.sqlstate is not null
  order by w.started_at desc
  limit 1
) as r on true
where j.failing_since is not null
union all
select
  'HALTED', case h.scope when 'GLOBAL' then 'the plane' else format('%s %s', lower(h.scope), coalesce(h.name, h.subject)) end, h.since,
  format('halted by %s: %s', h.actor, h.reason), 'halted'
from ops.halts as h
union all
select
  'UNANSWERED', format('subscription %s', o.subscription_id), min(o.decided_at),
  format('%s closes, cancels or stop changes are not answered', count(*)), 'unanswered'
from signals.overdue as o
where o.decided_at < core.now() - interval '1 minute'
group by o.subscription_id
union all
select
  'NOT_DISPATCHED', format('stream %s', b.name), b.since,
  format('%s signals accepted, and not dispatched into lane %s', case when b.waiting = 1000 then 'at least 1000' else b.waiting::text end, b.lane),
  'backlog'
from (
  select s.name, c.lane, x.since, x.waiting
  from signals.dispatch_cursors as c
  inner join signals.stream_heads as h
    on h.lane = c.stream_lane and h.stream_id = c.stream_id and (c.epoch, c.seq) < (h.accepted_epoch, h.accepted_seq)
  inner join signals.streams as s on s.lane = c.stream_lane and s.stream_id = c.stream_id
  cross join lateral (
    select min(w.received_at) as since, count(*) as waiting
    from (
      select y.received_at
      from signals.signals as y
      where y.lane = c.stream_lane and y.stream_id = c.stream_id and (y.epoch, y.seq) > (c.epoch, c.seq)
        and y.verdict = 'ACCEPTED'
      order by y.epoch, y.seq
      limit 1000
    ) as w
  ) as x
) as b
where b.since < core.now() - interval '5 seconds'
union all
select
  'NOT_COPYING', s.state, min(e.occurred_at), format('%s subscriptions take no new exposure', count(*)),
  case s.state when 'DEGRADED_GAP' then 'gap' else 'paused' end
from signals.subscriptions as s
left join lateral (
  select w.occurred_at
  from signals.subscription_events as w
  where w.lane = s.lane and w.subscription_id = s.subscription_id
  order by w.event_id desc
  limit 1
) as e on true
where s.state in ('DEGRADED_GAP', 'LOCKED_NO_FUNDS', 'PAUSED_TOXIC')
group by s.state
union all
select
  'LICENSE_ENDS', format('license %s', l.license_id), greatest(l.issued_at, l.expires_at - n.before),
  format('%s of %s, expires %s', l.purpose, a.name, l.expires_at), 'licenses'
from access.licenses as l
inner join access.accounts as a on a.account_id = l.account_id and a.status = 'ACTIVE'
cross join (
  select max(w.value) as before from ops.settings as w where w.name in ('first_license_notice', 'last_license_notice')
) as n
where l.revoked_at is null and l.replaced_by is null
  -- What has been over for a month is over.
  and l.expires_at between core.now() - interval '30 days' and core.now() + n.before
union all
select 'NOT_SEALED', 'the audit chain', u.since, 'what was written then is in no block yet', 'seal'
from audit.unsealed_since() as u (since)
where u.since is not null
union all
select 'NOTIFY_QUEUE', 'the server', null, format('%s %% of the notification queue is full', round(100 * q.usage::numeric)), 'notify_queue'
from pg_notification_queue_usage() as q (usage)
where q.usage >= 0.25
union all
select
  'REPLICATION_SLOT', r.slot_name::text, r.inactive_since,
  format('%s, WAL %s', case when r.active then 'in use' else 'used by nobody' end, coalesce(r.wal_status, 'not reserved')), 'slots'
from pg_replication_slots as r
where not r.active or r.wal_status <> 'reserved'
union all
select 'WRAPAROUND', d.datname::text, null, format('%s transactions since the oldest row was frozen', age(d.datfrozenxid)), 'wraparound'
from pg_database as d
where age(d.datfrozenxid) > 1000000000;

comment on view ops.alarms is
'What somebody should look at now: nothing when all is well. Each row names the runbook in ops/runbooks that finds out more.';
comment on column ops.alarms.since is 'When it began; null: not known.';
comment on column ops.alarms.runbook is 'psql -X -f ops/runbooks/<runbook>.sql';
