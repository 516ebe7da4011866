-- Replication slots: which hold WAL that nobody reads, or are read too slowly? Further behind than -v behind=1e9 bytes.
\ir begin.psql
\echo '== Replication slots: which hold WAL that nobody reads, or are read too slowly?'
\if :{?behind}
\else
\set behind 1e9
\endif
select
  slot_name, slot_type, active, wal_status, inactive_since,
  pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)) as kept,
  case
    when active then format('select pg_terminate_backend(%s);', active_pid)
    else format('select pg_drop_replication_slot(%L);', slot_name)
  end as mend
from pg_replication_slots
where not active or wal_status <> 'reserved'
  or pg_wal_lsn_diff(pg_current_wal_lsn(), coalesce(confirmed_flush_lsn, restart_lsn)) > :behind
order by restart_lsn;
select :ROW_COUNT > 0 as found \gset
\if :found
\echo 'FOUND: the server keeps all WAL since restart_lsn for it, until the disk is full. If its standby or reader does not come back, it goes. Active: somebody reads it, and too slowly: its network, its disk, or a query on the standby that replay waits for.'
\echo 'MEND:  select pg_drop_replication_slot(<name>); as in the column, by a superuser. Active: it stays; select pg_terminate_backend(<pid>); makes its reader connect anew, if it is stuck.'
\else
\echo 'Nothing found.'
\endif
