-- Backlog: what was accepted and not dispatched?
\ir begin.psql
\echo '== Backlog: what was accepted and not dispatched?'
select pid, application_name as gateway, state, wait_event_type, wait_event, pg_blocking_pids(pid) as blocked_by, now() - state_change as for_so_long
from pg_stat_activity
where datname = current_database() and application_name like 'ecp gateway%'
order by state_change;
select subject, since, what from ops.alarms where alarm = 'NOT_DISPATCHED' order by since;
select :ROW_COUNT > 0 as found \gset
\if :found
\echo 'FOUND: signals wait for their followers. No gateway below: start one. A gateway that waits for a lock: end the session that has it. Otherwise restart the gateway; nothing is lost.'
\echo 'MEND:  select pg_terminate_backend(<pid of blocked_by>);'
\else
\echo 'Nothing found.'
\endif
