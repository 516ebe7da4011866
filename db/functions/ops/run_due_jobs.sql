-- requires: core/now
-- Called by every gateway once a second, and by pg_cron where that is: a row that another call holds is passed over, and one that another call has just
-- moved on is no longer due when it is looked at again. A slot that is more than one period ahead was set by a clock that has
-- been set back since: it counts as due. A job takes locks in its own order and keeps them until the
-- transaction ends, so who serves clients meanwhile asks for one job at a time (p_limit = 1) until none is due.
create or replace function ops.run_due_jobs(p_limit integer default null) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job ops.jobs;
  v_started timestamptz;
  v_result text;
  v_sqlstate text;
  v_error text;
  v_ran integer := 0;
begin
  for v_job in
    select j.*
    from ops.jobs as j
    where j.due_at <= core.now() or j.due_at > core.now() + j.every
    order by j.due_at, j.name
    limit p_limit
    for update skip locked
  loop
    v_started := core.now();
    v_result := null;
    v_sqlstate := null;
    begin
      execute format('select %I.%I()', split_part(v_job.call, '.', 1), split_part(v_job.call, '.', 2)) into v_result;
    exception
      -- Cut off by statement_timeout is a failure too: otherwise the job would be due again at once, for ever.
      when others or query_canceled then
        get stacked diagnostics v_sqlstate = returned_sqlstate, v_error = message_text;
    end;
    -- Slots that were missed are not caught up: jobs find what there is to do, however long ago it began.
    update ops.jobs as j
    set
      due_at = date_bin(j.every, v_started, j.due_at) + j.every, ran_at = core.now(),
      failing_since = case when v_sqlstate is not null then coalesce(j.failing_since, v_started) end
    where j.name = v_job.name;
    if v_result is not null or v_sqlstate is not null then
      insert into ops.job_runs (name, started_at, finished_at, result, sqlstate, error)
      values (
        v_job.name, v_started, core.now(), v_result, v_sqlstate, case when v_sqlstate is not null then v_error end
      );
    end if;
    v_ran := v_ran + 1;
  end loop;
  return v_ran;
end
$$;

comment on function ops.run_due_jobs(integer) is
'Runs what is due in ops.jobs, at most p_limit jobs, each in a subtransaction of its own; returns how many ran. What a job did
or failed with is in ops.job_runs; a run that found nothing to do leaves no row there.';
