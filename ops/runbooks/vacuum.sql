-- Vacuum: which tables are full of dead rows?
\ir begin.psql
\echo '== Vacuum: which tables are full of dead rows?'
select
  s.relid::regclass as relation, s.n_live_tup as live, s.n_dead_tup as dead, s.last_autovacuum,
  format('vacuum (analyze) %s;', s.relid::regclass) as mend
from pg_stat_user_tables as s
where s.n_dead_tup > 10000 and s.n_dead_tup > 0.2 * s.n_live_tup
order by s.n_dead_tup desc
limit 20;
select :ROW_COUNT > 0 as found \gset
\if :found
\echo 'FOUND: more than a fifth of the rows are dead, and 10,000 at least: autovacuum is behind, or a long transaction (locks.sql) keeps it from taking them.'
\echo 'MEND:  vacuum (analyze) <table>; as in the column.'
\else
\echo 'Nothing found.'
\endif
