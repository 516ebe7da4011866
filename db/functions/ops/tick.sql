-- requires: ops/run_due_jobs
-- What pg_cron calls. One job at a time: what a job locks, it keeps until it commits. It commits, so it can have neither the
-- rights of its owner nor a search_path of its own; whose rights it has does not matter to run_due_jobs.
create or replace procedure ops.tick()
language plpgsql
as $$
begin
  while ops.run_due_jobs(1) > 0 loop
    commit;
  end loop;
end
$$;

comment on procedure ops.tick() is
'Runs what is due in ops.jobs until nothing is, a transaction for each: what a scheduler outside the gateways calls every second.';
