-- A barrier view, like the other states.
create or replace view ops.job_history with (security_barrier = true) as
select r.name, r.started_at, r.finished_at, r.result as did, r.sqlstate, r.error from ops.job_runs as r;

comment on view ops.job_history is 'Every run of a job that did something or failed, for as long as ops.settings says.';
