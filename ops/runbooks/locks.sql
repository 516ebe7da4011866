-- Locks: who waits, and who idles in a transaction? Longer than -v waits='5 seconds', -v idle='1 minute'.
\ir begin.psql
\echo '== Locks: who waits, and who idles in a transaction?'
\if :{?waits}
\else
\set waits '5 seconds'
\endif
\if :{?idle}
\else
\set idle '1 minute'
\endif
select
  b.pid, b.usename, b.application_name, b.state, now() - b.xact_start as in_transaction_for, count(w.pid) as keeps_waiting,
  left(b.query, 60) as query, format('select pg_terminate_backend(%s);', b.pid) as mend
from pg_stat_activity as b
left join pg_stat_activity as w
  on w.wait_event_type = 'Lock' and b.pid = any (pg_blocking_pids(w.pid)) and w.state_change < now() - interval :'waits'
where b.pid <> pg_backend_pid() and b.datname = current_database()
  and (w.pid is not null or (b.state like 'idle in transaction%' and b.state_change < now() - interval :'idle'))
group by b.pid, b.usename, b.application_name, b.state, b.xact_start, b.query
order by b.xact_start;
select :ROW_COUNT > 0 as found \gset
\if :found
\echo 'FOUND: a session has waited for another for more than 5 seconds, or has sat in a transaction for more than a minute: nothing it locked is free, and nothing that died since can be vacuumed.'
\echo 'MEND:  select pg_terminate_backend(<pid>); as in the column; what it had not committed is rolled back.'
\else
\echo 'Nothing found.'
\endif
