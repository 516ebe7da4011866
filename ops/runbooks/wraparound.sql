-- Wraparound: how near are transaction numbers to their end? Older than -v limit=1000000000.
\ir begin.psql
\echo '== Wraparound: how near are transaction numbers to their end?'
\if :{?limit}
\else
\set limit 1000000000
\endif
select
  c.oid::regclass as relation, age(c.relfrozenxid) as transactions, pg_size_pretty(pg_total_relation_size(c.oid)) as size,
  format('vacuum (freeze) %s;', c.oid::regclass) as mend
from pg_class as c
where c.relkind in ('r', 'm', 't') and age(c.relfrozenxid) > :limit
order by age(c.relfrozenxid) desc
limit 20;
select :ROW_COUNT > 0 as found \gset
\if :found
\echo 'FOUND: at two thousand million the server takes no more writes. Autovacuum should have frozen these long before: end what keeps it (locks.sql, slots.sql), then the oldest first.'
\echo 'MEND:  vacuum (freeze) <table>; as in the column.'
\else
\echo 'Nothing found.'
\endif
