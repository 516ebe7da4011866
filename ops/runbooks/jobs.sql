-- Jobs: which are missed or fail?
\ir begin.psql
\echo '== Jobs: which are missed or fail?'
select pid, usename, now() - xact_start as running_for, wait_event_type, pg_blocking_pids(pid) as blocked_by
from pg_stat_activity
where datname = current_database() and state <> 'idle' and pid <> pg_backend_pid() and query ~ 'ops[.](run_due_jobs|tick)'
order by xact_start;
select a.alarm, s.name, s.every, s.ran_at, s.failing_since, s.sqlstate, s.error
from ops.alarms as a
inner join ops.job_states as s on s.name = a.subject
where a.alarm in ('JOB_LATE', 'JOB_FAILS')
order by a.since;
select :ROW_COUNT > 0 as found \gset
\if :found
\echo 'FOUND: a job was not done for two of its periods, or fails; its error is beside it. No gateway and no pg_cron: start one of them. One that has run for long is in the first table.'
\echo 'MEND:  call ops.tick(); runs now what is due, here, one job after the other; ops.job_states shows what came of it.'
\else
\echo 'Nothing found.'
\endif
