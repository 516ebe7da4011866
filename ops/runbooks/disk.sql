-- Disk full: what takes the room, and does retention keep up?
\ir begin.psql
\echo '== Disk full: what takes the room, and does retention keep up?'
select c.oid::regclass as biggest, pg_size_pretty(pg_total_relation_size(c.oid)) as size
from pg_class as c
where c.relkind in ('r', 'm') and c.relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
order by pg_total_relation_size(c.oid) desc
limit 10;
select what, day, before, rows from ops.retirements order by day desc, what limit 10;
select 'stream ' || s.name as behind, s.oldest_at as since, 'keep_signals is ' || k.value as because
from ops.stream_states as s
inner join ops.settings as k on k.name = 'keep_signals'
where s.oldest_at < core.now() - k.value - interval '1 day' and s.oldest_at < s.newest_at
union all
select 'slot ' || r.slot_name, r.inactive_since, pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), r.restart_lsn)) || ' of WAL are kept'
from pg_replication_slots as r
where not r.active or r.wal_status <> 'reserved';
select :ROW_COUNT > 0 as found \gset
\if :found
\echo 'FOUND: retention is more than a day behind what ops.settings says, or somebody holds the WAL: run jobs.sql, then slots.sql. Where it keeps up and the disk is full all the same, keep less.'
\echo 'MEND:  select ops.change_setting(<name>, <interval>, <you>, <reason>); the job takes a slice every few seconds.'
\else
\echo 'Nothing found.'
\endif
