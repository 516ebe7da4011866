-- A barrier view, like the other states: whoever is on duty reads it without reading the tables.
create or replace view ops.job_states with (security_barrier = true) as
select
  j.name, j.every, j.due_at, j.ran_at, j.failing_since, d.result as did, d.finished_at as did_at, f.sqlstate, f.error
from ops.jobs as j
left join lateral (
  select r.result, r.finished_at from ops.job_runs as r
  where r.name = j.name and r.sqlstate is null
  order by r.started_at desc
  limit 1
) as d on true
left join lateral (
  select r.sqlstate, r.error from ops.job_runs as r
  where r.name = j.name and r.sqlstate is not null
  order by r.started_at desc
  limit 1
) as f on true;

comment on view ops.job_states is
'Every job: when it is due and last ran, what it last did (runs that found nothing to do are not kept), and its last failure.';
