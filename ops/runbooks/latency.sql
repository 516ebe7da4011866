-- High latency: where do signals lose their time?
\ir begin.psql
\echo '== High latency: where do signals lose their time?'
-- Of the last hour: what was slow yesterday is not what the call at night is about.
select stream_id as id, name as who, 'master' as stage, delay_p99 as p99, newest_at
from ops.stream_states
where delay_p99 > interval '50 ms' and newest_at > core.now() - interval '1 hour'
union all
select s.subscription_id, s.account || ' on ' || s.stream, x.stage, x.p99, s.newest_at
from ops.subscription_states as s
cross join lateral (
  values ('decide', s.decide_p99), ('receive', s.receive_p99), ('execute', s.execute_p99)
) as x (stage, p99)
where x.p99 > interval '50 ms' and s.newest_at > core.now() - interval '1 hour'
order by p99 desc
limit 50;
select :ROW_COUNT > 0 as found \gset
\if :found
\echo 'FOUND: a stage took more than 50 ms for one of the newest 100. master: its network, its clock, or the queue of its gateway, for the clock stops at the database (ecp_stage_seconds{stage="queue"} of /metrics tells them apart). decide: the database; run locks.sql and vacuum.sql. receive: the gateway or the terminal. execute: the broker.'
\echo 'MEND:  select signals.halt(''STREAM'', ''<stream_id>'', <reason>, <you>); keeps new exposure out until it is found; signals.lift_halt ends it.'
\else
\echo 'Nothing found.'
\endif
