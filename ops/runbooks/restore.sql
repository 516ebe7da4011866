-- Restore: is what came back from a backup whole?
\ir begin.psql
\echo '== Restore: is what came back from a backup whole?'
select pg_is_in_recovery() as still_recovering, (pg_control_checkpoint()).timeline_id as timeline, (select count(*) from ops.stream_states) as streams,
  (select max(newest_at) from ops.stream_states) as newest_signal;
select name as does_not_hold, detail from ops.verify() where not ok;
select :ROW_COUNT > 0 as found \gset
\if :found
\echo 'FOUND: the database is not what it was: keep new exposure out, bring back a backup that is whole, and look at ops.verify() again. Masters that are ahead of it resync; terminals that are ahead of it come up in gap.sql.'
\echo 'MEND:  select signals.halt(''GLOBAL'', null, <reason>, <you>); before any gateway is started.'
\else
\echo 'Nothing found.'
\endif
