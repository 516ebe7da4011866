-- Paused: who was stopped automatically, and since when? Providers who are not trusted too.
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
union all
-- Nothing that raises exposure passes of its streams.
select
  null, account, null, 'PROVIDER_DISTRUSTED', max(last_incident_at), null,
  format('select trust.reset(%s, ''provider'', 100, ''<why>'', ''<you>'');', account_id)
from analytics.trust
where role = 'provider' and score < 50
group by account_id, account
order by since;
select :ROW_COUNT > 0 as found \gset
\if :found
\echo 'FOUND: each takes no new exposure; closes go on. PAUSED_TOXIC: look at trust.report(account) and ask about its VPS and network; it comes back by itself, 10 points for each 24 hours without incident. LOCKED_NO_FUNDS: it goes on with the next top-up. PROVIDER_DISTRUSTED: a provider under 50, whose signals are refused with TRS38; many at once share a network, a clock or a gateway.'
\echo 'MEND:  select trust.reset(<account>, <role>, <score>, <why>, <you>); or a deposit, as in the column.'
\else
\echo 'Nothing found.'
\endif
