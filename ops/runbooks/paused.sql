-- Paused: who was stopped automatically, and since when?
\ir begin.psql
\echo '== Paused: who was stopped automatically, and since when?'
select
  subscription_id, account, stream, state, since, actor,
  case state
    when 'PAUSED_TOXIC' then format('select trust.reset(%s, ''subscriber'', 100, ''<why>'', ''<you>'');', account_id)
    else format('select billing.deposit(%s, ''<currency>'', <amount>, ''<key>'', ''<you>'');', account_id)
  end as mend
from ops.subscription_states
where state in ('PAUSED_TOXIC', 'LOCKED_NO_FUNDS')
order by since;
select :ROW_COUNT > 0 as found \gset
\if :found
\echo 'FOUND: each takes no new exposure; closes go on. PAUSED_TOXIC: look at trust.report(account) and ask about its VPS and network; it comes back by itself, 10 points for each 24 hours without incident. LOCKED_NO_FUNDS: it goes on with the next top-up.'
\echo 'MEND:  select trust.reset(<account>, ''subscriber'', <score>, <why>, <you>); or a deposit, as in the column.'
\else
\echo 'Nothing found.'
\endif
