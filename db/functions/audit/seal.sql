-- requires: audit/block_hash audit/digests core/fail core/now
-- A job. A block reaches as far as every transaction of the server has ended, so that no row can still appear in it; whatever began
-- later is in the next. It reads what is committed and locks out nobody who writes. A block has so many transactions at most, and a
-- run so many blocks as are begun within two seconds, since a job has a deadline: what is left is sealed by the next run.
create or replace function audit.seal() returns text
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set lock_timeout = '50ms'
as $$
declare
  v_began timestamptz := core.now();
  v_horizon bigint := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
  v_seal audit.seals;
  v_hash bytea;
  v_rows bigint;
  v_total bigint := 0;
begin
  if not pg_try_advisory_xact_lock('audit.seals'::regclass::oid::integer, 0) then
    return null;
  end if;
  -- After the lock: of a chain that another run has just made longer.
  select s.* into v_seal from audit.seals as s order by s.number desc limit 1;
  if v_seal.to_xact > v_horizon then
    perform core.fail('TRH02', jsonb_build_object('sealed', v_seal.to_xact, 'server', v_horizon));
  end if;
  while coalesce(v_seal.to_xact, 0) < v_horizon and core.now() < v_began + interval '2 seconds' loop
    v_hash := coalesce(v_seal.hash, '');
    v_seal.from_xact := coalesce(v_seal.to_xact, 0);
    -- The first block has all that there was.
    v_seal.to_xact := case when v_seal.number is null then v_horizon else least(v_horizon, v_seal.to_xact + 10000) end;
    v_seal.number := coalesce(v_seal.number, 0) + 1;
    v_seal.sealed_at := core.now();
    with sections as materialized (
      select (v_seal.number, w.relation, d.rows, d.digest)::audit.sections as section
      from audit.sources as w
      cross join lateral audit.digests(w, array[v_seal.from_xact, v_seal.to_xact]) as d
      where not exists (select from audit.sources as x where x.relation = w.relation and x.since > w.since)
    ), sealed as (
      insert into audit.seals (number, from_xact, to_xact, sealed_at, hash)
      select
        v_seal.number, v_seal.from_xact, v_seal.to_xact, v_seal.sealed_at,
        audit.block_hash(v_hash, v_seal, array(select s.section from sections as s))
      -- Where nothing was written, there is a block only if the next run would look at the same range again.
      where v_seal.to_xact < v_horizon or exists (select from sections)
      returning hash
    ), kept as (
      insert into audit.sections (number, relation, rows, digest)
      select (s.section).* from sections as s
    )
    select s.hash, coalesce((select sum((x.section).rows) from sections as x), 0) into v_seal.hash, v_rows from sealed as s;
    v_total := v_total + coalesce(v_rows, 0);
  end loop;
  -- What no index has summarized yet is read by every run.
  begin
    perform brin_summarize_new_values(i.indexrelid)
    from pg_index as i
    inner join pg_class as c on c.oid = i.indexrelid
    inner join pg_am as a on a.oid = c.relam and a.amname = 'brin'
    where i.indrelid in (select w.relation::regclass from audit.sources as w);
  exception
    when lock_not_available then
      -- A vacuum of that table is under way, which does the same.
      null;
  end;
  return case when v_total > 0 then v_total || ' rows' end;
end
$$;

comment on function audit.seal() is
'Adds to the chain what was written since its last block, as far as no transaction before it is still open. Says how many rows; null if
there were none. Fails with TRH02.';
