-- Seal: why does the audit chain not go on? Open for longer than -v waits='1 minute', in any database of the server.
\ir begin.psql
\echo '== Seal: why does the audit chain not go on?'
\if :{?waits}
\else
\set waits '1 minute'
\endif
select h.number as newest_block, h.sealed_at, j.ran_at as job_ran_at, j.failing_since as job_failing_since, j.error as job_error
from (select 1) as one
left join audit.head() as h on true
left join ops.job_states as j on j.name = 'seal';
select
  b.datname, b.pid, b.usename, b.application_name, b.state, now() - b.xact_start as in_transaction_for, b.holds,
  left(b.query, 60) as query, b.mend
from (
  -- What has a transaction's number and has not ended: no block reaches beyond the oldest of them.
  select
    a.datname, a.pid, a.usename, a.application_name, a.state, a.xact_start, a.query, 'the next block' as holds,
    format('select pg_terminate_backend(%s);', a.pid) as mend
  from pg_stat_activity as a
  where a.backend_xid is not null
  union all
  select
    p.database, null, p.owner, p.gid, 'prepared', p.prepared, null, 'the next block',
    format('in %I: rollback prepared %L;', p.database, p.gid)
  from pg_prepared_xacts as p
  union all
  select
    a.datname, a.pid, a.usename, a.application_name, a.state, a.xact_start, a.query, 'the lock of sealing',
    format('select pg_terminate_backend(%s);', a.pid)
  from pg_locks as l
  inner join pg_stat_activity as a on a.pid = l.pid
  where l.locktype = 'advisory' and l.granted and l.classid = 'audit.seals'::regclass and l.objid = 0 and l.objsubid = 2
    and l.database = (select d.oid from pg_database as d where d.datname = current_database())
) as b
where b.pid is distinct from pg_backend_pid() and b.xact_start < now() - interval :'waits'
order by b.xact_start;
select :ROW_COUNT > 0 as found \gset
\if :found
\echo 'FOUND: a transaction has been open for more than a minute, the oldest first: what has been written since it began cannot be sealed before it ends; or it holds the lock without which nobody seals. Nothing is lost by it.'
\echo 'MEND:  select pg_terminate_backend(<pid>); as in the column; what it had not committed is rolled back. If the job fails or is missed, see the runbook jobs.'
\else
\echo 'Nothing found.'
\endif
