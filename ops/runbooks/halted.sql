-- Halted: what was stopped by hand, by whom, and why?
\ir begin.psql
\echo '== Halted: what was stopped by hand, by whom, and why?'
select a.subject, a.since, a.what, format('select signals.halt(%s, ''<reason>'', ''<you>'', true);', coalesce(s.stream_id::text, 'null')) as mend
from ops.alarms as a
left join ops.stream_states as s on 'stream ' || s.name = a.subject
where a.alarm = 'HALTED'
order by a.since;
select :ROW_COUNT > 0 as found \gset
\if :found
\echo 'FOUND: nothing that raises exposure passes; closes do. Ask whoever halted it before you lift it.'
\echo 'MEND:  select signals.halt(<stream_id, or null for the plane>, <reason>, <you>, true);'
\else
\echo 'Nothing found.'
\endif
