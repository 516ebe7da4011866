-- Sequence gap: who waits for what never came?
\ir begin.psql
\echo '== Sequence gap: who waits for what never came?'
select
  subscription_id, account, stream, since, actor, has_copier, delivery_seq, acknowledged_seq,
  format('select signals.transition(%s, ''resumed'', ''<you>'');', subscription_id) as mend
from ops.subscription_states
where state = 'DEGRADED_GAP'
order by since;
select :ROW_COUNT > 0 as found \gset
\if :found
\echo 'FOUND: each takes no new exposure until its terminal has resumed from a number that the plane knows: restart the terminal. One whose state was lost or belongs elsewhere is taken up again by hand.'
\echo 'MEND:  select signals.transition(<subscription_id>, (resumed), <you>); as in the column, after the terminal has been set right.'
\else
\echo 'Nothing found.'
\endif
