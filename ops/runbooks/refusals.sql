-- Refusals: who is refused, and for what? In the last two hours, more often than -v events=20.
\ir begin.psql
\echo '== Refusals: who is refused, and for what?'
\if :{?events}
\else
\set events 20
\endif
select
  r.origin, r.code, r.name, r.message, r.stream_id, s.stream, r.subscription_id, sum(r.events) as events
from analytics.rejections as r
left join analytics.streams as s on s.stream_id = r.stream_id
where r.hour > core.now() - interval '2 hours'
group by r.origin, r.code, r.name, r.message, r.stream_id, s.stream, r.subscription_id
having sum(r.events) > :events
order by sum(r.events) desc
limit 50;
select :ROW_COUNT > 0 as found \gset
\echo 'UNDECIDED is not among them: such a signal was never stored. A gateway was at its limit (TRP09) or had no answer from the database: its /metrics has'
\echo 'ecp_signals_total{verdict="UNDECIDED"}, ecp_inflight_items and ecp_link_waiting_seconds, its log the errors; run locks.sql.'
\if :found
\echo 'FOUND: docs/errors.md says what each code means and what to do. STALE, FUTURE: a clock or a network. GAP, REPLAY, BAD_SIGNATURE: a terminal that lost its state, or somebody else with its key. GUARD: the terminal of a subscriber refuses; run latency.sql.'
\echo 'MEND:  select signals.halt(''STREAM'', ''<stream_id>'', <reason>, <you>); keeps new exposure of a stream out until its owner has found it; signals.lift_halt ends it.'
\else
\echo 'Nothing found.'
\endif
