-- Paused: who was stopped automatically, and since when?
\ir begin.psql
\echo '== Paused: who was stopped automatically, and since when?'
select
  subscription_id, account, stream, state, since, actor,
  format(
    'select signals.transition(%s, ''%s'', ''<you>'');', subscription_id, case state when 'PAUSED_TOXIC' then 'recovered' else 'funded' end
  ) as mend
from ops.subscription_states
where state in ('PAUSED_TOXIC', 'LOCKED_NO_FUNDS')
order by since;
select :ROW_COUNT > 0 as found \gset
\if :found
\echo 'FOUND: each takes no new exposure; closes go on. PAUSED_TOXIC: look at its protection events and ask about its VPS and network. LOCKED_NO_FUNDS: it goes on by itself after a top-up.'
\echo 'MEND:  select signals.transition(<subscription_id>, <cause>, <you>); as in the column.'
\else
\echo 'Nothing found.'
\endif
