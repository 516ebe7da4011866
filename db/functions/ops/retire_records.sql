-- requires: core/now ops/record_retirement ops/setting
-- A job, at most so many rows of each a run. A live session has not ended, a difference of a copy that is not closed is what its
-- volume is explained by, and both stay.
create or replace function ops.retire_records() returns text
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  c_slice constant integer := 10000;
  v_before timestamptz := core.now() - ops.setting('keep_records');
  v_rows bigint;
  v_total bigint := 0;
begin
  delete from ops.job_runs as r
  where r.run_id in (select w.run_id from ops.job_runs as w order by w.run_id limit c_slice) and r.finished_at < v_before;
  get diagnostics v_rows = row_count;
  perform ops.record_retirement('ops.job_runs', v_before, v_rows);
  v_total := v_total + v_rows;

  delete from access.refusals as r
  where r.refusal_id in (select w.refusal_id from access.refusals as w order by w.refusal_id limit c_slice)
    and r.occurred_at < v_before;
  get diagnostics v_rows = row_count;
  perform ops.record_retirement('access.refusals', v_before, v_rows);
  v_total := v_total + v_rows;

  delete from access.sessions as s
  where s.session_id in (
    select w.session_id from access.sessions as w where w.ended_at < v_before order by w.ended_at limit c_slice
  );
  get diagnostics v_rows = row_count;
  perform ops.record_retirement('access.sessions', v_before, v_rows);
  v_total := v_total + v_rows;

  delete from access.token_families as f
  where f.family_id in (select w.family_id from access.token_families as w where w.ends_at < v_before order by w.ends_at limit c_slice);
  get diagnostics v_rows = row_count;
  perform ops.record_retirement('access.token_families', v_before, v_rows);
  v_total := v_total + v_rows;

  delete from access.requests as r
  where (r.account_id, r.key) in (
    select w.account_id, w.key from access.requests as w where w.made_at < v_before order by w.made_at limit c_slice
  );
  get diagnostics v_rows = row_count;
  perform ops.record_retirement('access.requests', v_before, v_rows);
  v_total := v_total + v_rows;

  delete from signals.differences as d
  where (d.lane, d.difference_id) in (
    select w.lane, w.difference_id
    from signals.differences as w
    where w.found_at < v_before and not exists (
      select from signals.copies as c
      where c.lane = w.lane and c.subscription_id = w.subscription_id and c.stream_id = w.stream_id
        and c.position_id = w.position_id and c.status in ('DELIVERED', 'OPEN', 'CLOSING')
    )
    limit c_slice
  );
  get diagnostics v_rows = row_count;
  perform ops.record_retirement('signals.differences', v_before, v_rows);
  v_total := v_total + v_rows;
  return case when v_total > 0 then v_total || ' records deleted' end;
end
$$;

comment on function ops.retire_records() is
'Deletes runs of jobs, refused sessions, ended sessions, tokens, answered requests and differences that are older than the setting keep_records. Null when
there was none.';
