-- Unanswered: which closes, cancels and stop changes has nobody done? For longer than -v age='10 seconds'.
\ir begin.psql
\echo '== Unanswered: which closes, cancels and stop changes has nobody done?'
\if :{?age}
\else
\set age '10 seconds'
\endif
select
  o.subscription_id, s.account, o.delivery_seq, o.action, o.symbol, o.volume, o.state, o.decided_at, o.level, o.has_copier,
  format('select signals.settle(%s, %s, ''EXECUTED or FAILED'', <ticket>, <volume>, ''<you>'', ''<reason>'');', o.subscription_id, o.delivery_seq) as mend
from signals.overdue as o
left join ops.subscription_states as s on s.subscription_id = o.subscription_id
where o.decided_at < core.now() - interval :'age'
order by o.decided_at
limit 100;
select :ROW_COUNT > 0 as found \gset
\if :found
\echo 'FOUND: each cuts or manages exposure and has no final answer. No copier: its terminal is away; reach its owner. Ask the broker what became of it.'
\echo 'MEND:  select signals.settle(<subscription>, <delivery>, <status>, <ticket>, <volume>, <you>, <reason>); as in the column, once the broker has said.'
\else
\echo 'Nothing found.'
\endif
