-- Replication slots: which hold WAL that nobody reads?
\ir begin.psql
\echo '== Replication slots: which hold WAL that nobody reads?'
select
  slot_name, slot_type, active, wal_status, inactive_since,
  pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)) as kept,
  format('select pg_drop_replication_slot(%L);', slot_name) as mend
from pg_replication_slots
where not active or wal_status <> 'reserved'
order by restart_lsn;
select :ROW_COUNT > 0 as found \gset
\if :found
\echo 'FOUND: the server keeps all WAL since restart_lsn for it, until the disk is full. If its standby or reader does not come back, it goes.'
\echo 'MEND:  select pg_drop_replication_slot(<name>); as in the column, by a superuser.'
\else
\echo 'Nothing found.'
\endif
