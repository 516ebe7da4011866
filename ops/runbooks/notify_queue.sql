-- Notification queue: does a listener stand still? Fuller than -v percent=25.
\ir begin.psql
\echo '== Notification queue: does a listener stand still?'
\if :{?percent}
\else
\set percent 25
\endif
select
  round(100 * pg_notification_queue_usage()::numeric) as percent_full, pid, usename, application_name, state,
  now() - xact_start as in_transaction_for, query, format('select pg_terminate_backend(%s);', pid) as mend
from pg_stat_activity
where 100 * pg_notification_queue_usage() >= :percent and datname is not null and xact_start is not null and pid <> pg_backend_pid()
order by xact_start
limit 10;
select :ROW_COUNT > 0 as found \gset
\if :found
\echo 'FOUND: the queue is a quarter full: a session that listens is in a transaction and keeps everything in it. When it is full, commits fail.'
\echo 'MEND:  select pg_terminate_backend(<pid>); of the oldest transaction below; a gateway comes back and reads what it missed.'
\else
\echo 'ListenerBehind all the same: the queue is not why. That gateway has no answer over the connection that listens: its log says "database away" for'
\echo 'the link listener, and with what error. If it does not, the gateway is too busy or stands still: restart it; it reads what it missed.'
\echo 'Nothing found.'
\endif
