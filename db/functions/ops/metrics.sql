-- requires: access/lease audit/unsealed_since core/now ops/alarms ops/setting signals/overdue
-- Read every few seconds, so nothing in it reads a log from end to end: what would have to is counted by ops.tally.
create or replace view ops.metrics with (security_invoker = true) as
select m.name, s.labels, s.value, m.help, m.type
from (
  values
  ('ecp_sessions', 'gauge', 'Sessions that hold the lease of their license.'),
  ('ecp_licenses_ending', 'gauge', 'Licenses without a successor that end within the notice; last: or have ended in the last 30 days.'),
  ('ecp_streams', 'gauge', 'Streams by status.'),
  ('ecp_subscriptions', 'gauge', 'Subscriptions by state.'),
  ('ecp_alarms', 'gauge', 'Rows of ops.alarms.'),
  ('ecp_trust_accounts', 'gauge', 'Active accounts by role and lowest trust score, in bands. Under 50 nothing that raises exposure passes.'),
  ('ecp_dispatch_waiting_signals', 'gauge', 'Signals accepted and not dispatched, at most 1000 for each lane that follows a stream.'),
  ('ecp_dispatch_waiting_seconds', 'gauge', 'For how long the oldest of them has waited.'),
  ('ecp_unanswered_deliveries', 'gauge', 'Closes, cancels and stop changes that were delivered and have no final answer.'),
  ('ecp_unanswered_seconds', 'gauge', 'For how long the oldest of them has had none.'),
  ('ecp_job_lag_seconds', 'gauge', 'For how long a job has been due.'),
  ('ecp_job_period_seconds', 'gauge', 'How often a job is due.'),
  ('ecp_job_failing', 'gauge', '1: the last run of the job failed.'),
  ('ecp_unsealed_seconds', 'gauge', 'Age of the oldest row that is in no block of the audit chain.'),
  ('ecp_retention_lag_seconds', 'gauge', 'By how much the oldest signal of any stream is older than keep_signals.'),
  ('ecp_ledger_balance', 'gauge', 'Balances by kind of ledger account, in units of the currency.'),
  ('ecp_ledger_held', 'gauge', 'Of the wallets, what is held for copies on their way, in units of the currency.'),
  ('ecp_ledger_arrears', 'gauge', 'Fees due and not paid, in units of the currency.'),
  ('ecp_ledger_open_lanes', 'gauge', 'Lanes whose balances do not sum to zero in every currency.'),
  ('ecp_ledger_mismatches_total', 'counter', 'Ledger accounts that were found not to stand where their newest transfer left them.'),
  ('ecp_transfers_amount_total', 'counter', 'What was transferred, by kind of transfer, in units of the currency.'),
  ('ecp_protection_events_total', 'counter', 'Refusals by the plane and by the guards of terminals.'),
  ('ecp_notify_queue_ratio', 'gauge', 'How much of the notification queue is full; commits fail when all of it is.'),
  ('ecp_replication_lag_bytes', 'gauge', 'WAL that the reader of a replication slot has not confirmed.'),
  ('ecp_replication_slot_active', 'gauge', '1: somebody reads the slot.'),
  ('ecp_lock_wait_seconds', 'gauge', 'For how long the session of this database that waits longest has waited for a lock.'),
  ('ecp_bloated_tables', 'gauge', 'Tables of which more than a fifth of the rows, and more than 10000, are dead.'),
  ('ecp_frozen_age_transactions', 'gauge', 'Transactions since the oldest row of any database was frozen; writing ends at two thousand million.'),
  ('ecp_database_size_bytes', 'gauge', 'Size of the database on disk.'),
  ('ecp_timeline', 'gauge', 'The timeline of the server: it rises with a promotion, and as a rule with a recovery from a backup.')
) as m (name, type, help)
inner join (
  select
    'ecp_sessions' as name, jsonb_build_object('purpose', l.purpose) as labels,
    count(s.session_id) filter (where s.renewed_at > core.now() - access.lease())::double precision as value
  from access.licenses as l
  left join access.sessions as s on s.license_id = l.license_id and s.ended_at is null
  group by l.purpose
  union all
  select 'ecp_licenses_ending', jsonb_build_object('notice', n.notice), count(l.license_id)
  from (
    values
    ('first', ops.setting('first_license_notice'), interval '0'),
    ('last', ops.setting('last_license_notice'), interval '30 days')
  ) as n (notice, before, after)
  left join (
    access.licenses as l inner join access.accounts as a on a.account_id = l.account_id and a.status = 'ACTIVE'
  ) on l.revoked_at is null and l.replaced_by is null
    and l.expires_at > core.now() - n.after and l.expires_at <= core.now() + n.before
  group by n.notice
  union all
  select 'ecp_streams', jsonb_build_object('status', w.status), count(s.stream_id)
  from (values ('ACTIVE'), ('HALTED'), ('CLOSED')) as w (status)
  left join (
    select
      x.stream_id,
      case
        when x.status <> 'CLOSED' and exists (
          select from signals.halts as h
          where (h.scope, h.subject) in (('GLOBAL', ''), ('STREAM', x.stream_id::text), ('ACCOUNT', x.account_id::text))
        ) then 'HALTED'
        else x.status
      end as status
    from signals.streams as x
  ) as s on s.status = w.status
  group by w.status
  union all
  select 'ecp_subscriptions', jsonb_build_object('state', w.state), count(s.subscription_id)
  from signals.subscription_states as w
  left join signals.subscriptions as s on s.state = w.state
  group by w.state
  union all
  select 'ecp_alarms', jsonb_build_object('alarm', w.alarm), count(*)
  from ops.alarms as w
  group by w.alarm
  union all
  select 'ecp_trust_accounts', jsonb_build_object('role', r.role, 'band', b.band), count(s.score)
  from (values ('provider'), ('subscriber')) as r (role)
  cross join (values ('0-24', 0, 24), ('25-49', 25, 49), ('50-74', 50, 74), ('75-99', 75, 99), ('100', 100, 100)) as b (band, least, most)
  -- Once, however many lanes it has a score in: by its lowest.
  left join (
    select q.role, coalesce(min(t.score), 100) as score
    from access.accounts as a
    cross join lateral unnest(a.roles) as q (role)
    left join trust.scores as t on t.account_id = a.account_id and t.role = q.role
    where a.status = 'ACTIVE'
    group by a.account_id, q.role
  ) as s on s.role = r.role and s.score between b.least and b.most
  group by r.role, b.band
  union all
  select x.name, '{}', x.value
  from (
    select coalesce(sum(b.waiting), 0) as waiting, coalesce(extract(epoch from core.now() - min(b.since)), 0) as age
    from signals.dispatch_cursors as c
    inner join signals.stream_heads as h
      on h.lane = c.stream_lane and h.stream_id = c.stream_id and (c.epoch, c.seq) < (h.accepted_epoch, h.accepted_seq)
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
    ) as b
  ) as d
  cross join lateral (values ('ecp_dispatch_waiting_signals', d.waiting), ('ecp_dispatch_waiting_seconds', d.age)) as x (name, value)
  union all
  select x.name, jsonb_build_object('action', d.action), x.value
  from (
    select a.action, count(o.action) as deliveries, coalesce(extract(epoch from core.now() - min(o.decided_at)), 0) as age
    from signals.actions as a
    left join signals.overdue as o on o.action = a.action
    where not a.raises_exposure
    group by a.action
  ) as d
  cross join lateral (
    values ('ecp_unanswered_deliveries', d.deliveries), ('ecp_unanswered_seconds', d.age)
  ) as x (name, value)
  union all
  select x.name, jsonb_build_object('name', j.name), x.value
  from ops.jobs as j
  cross join lateral (
    values
    ('ecp_job_lag_seconds', greatest(extract(epoch from core.now() - j.due_at), 0)),
    ('ecp_job_period_seconds', extract(epoch from j.every)),
    ('ecp_job_failing', (j.failing_since is not null)::integer)
  ) as x (name, value)
  union all
  select 'ecp_unsealed_seconds', '{}', coalesce(extract(epoch from core.now() - audit.unsealed_since(interval '0')), 0)
  union all
  select
    'ecp_retention_lag_seconds', '{}',
    coalesce(greatest(extract(epoch from core.now() - ops.setting('keep_signals') - min(o.received_at)), 0), 0)
  from signals.stream_heads as h
  left join signals.log_starts as l on l.lane = h.lane and l.stream_id = h.stream_id
  cross join lateral (
    select w.received_at, w.epoch, w.seq
    from signals.signals as w
    where w.lane = h.lane and w.stream_id = h.stream_id and (w.epoch, w.seq) > (coalesce(l.epoch, 0), coalesce(l.seq, 0))
    order by w.epoch, w.seq
    limit 1
  ) as o
  -- The newest signal stays.
  where (o.epoch, o.seq) < (h.epoch, h.last_seq)
  union all
  select 'ecp_ledger_balance', jsonb_build_object('kind', a.kind, 'currency', a.currency), sum(a.balance)
  from billing.ledger_accounts as a
  group by a.kind, a.currency
  union all
  select 'ecp_ledger_held', jsonb_build_object('currency', a.currency), sum(a.held)
  from billing.ledger_accounts as a
  where a.kind = 'WALLET'
  group by a.currency
  union all
  select 'ecp_ledger_arrears', jsonb_build_object('currency', a.currency), coalesce(sum(g.arrears), 0)
  from billing.ledger_accounts as a
  left join billing.agreements as g on g.lane = a.lane and g.wallet_id = a.ledger_account_id and g.arrears > 0
  where a.kind = 'WALLET'
  group by a.currency
  union all
  select 'ecp_ledger_open_lanes', '{}', count(distinct w.lane)
  from (
    select a.lane from billing.ledger_accounts as a group by a.lane, a.currency having sum(a.balance) <> 0
  ) as w
  union all
  select t.name, t.labels, t.value
  from ops.totals as t
  union all
  select 'ecp_notify_queue_ratio', '{}', pg_notification_queue_usage()
  union all
  select x.name, jsonb_build_object('slot', r.slot_name), x.value
  from pg_replication_slots as r
  cross join lateral (
    values
    ('ecp_replication_lag_bytes', pg_wal_lsn_diff(pg_current_wal_lsn(), coalesce(r.confirmed_flush_lsn, r.restart_lsn))),
    ('ecp_replication_slot_active', r.active::integer)
  ) as x (name, value)
  where x.value is not null
  union all
  select 'ecp_lock_wait_seconds', '{}', coalesce(extract(epoch from clock_timestamp() - min(k.waitstart)), 0)
  from pg_locks as k
  inner join pg_stat_activity as b on b.pid = k.pid and b.datname = current_database()
  where not k.granted
  union all
  select 'ecp_bloated_tables', '{}', count(*)
  from pg_stat_user_tables as s
  where s.n_dead_tup > 10000 and s.n_dead_tup > 0.2 * s.n_live_tup
  union all
  select 'ecp_frozen_age_transactions', '{}', max(age(d.datfrozenxid))
  from pg_database as d
  union all
  select 'ecp_database_size_bytes', '{}', pg_database_size(current_database())
  union all
  select 'ecp_timeline', '{}', c.timeline_id
  from pg_control_checkpoint() as c
) as s on s.name = m.name;

comment on view ops.metrics is
'What Prometheus is told of the state of the plane, a row for each series. Gateways add what they count themselves.
Invoker''s rights: it is read through ops.read_metrics only.';
comment on column ops.metrics.labels is 'Every value is a text.';
comment on column ops.metrics.type is 'gauge or counter, as Prometheus has them.';
