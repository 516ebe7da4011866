-- Halted: what was stopped by hand, by whom, and why?
\ir begin.psql
\echo '== Halted: what was stopped by hand, by whom, and why?'
select h.scope, h.subject, h.name, h.since, h.actor, h.reason,
  format('select signals.lift_halt(%L, %L, ''<reason>'', ''<you>'');', h.scope, h.subject) as mend
from ops.halts as h
order by h.since;
select :ROW_COUNT > 0 as found \gset
\if :found
\echo 'FOUND: nothing that raises exposure passes; closes do. Ask whoever halted it before you lift it.'
\echo 'MEND:  select signals.lift_halt(<scope>, <subject>, <reason>, <you>);'
\else
\echo 'Nothing found.'
\endif
