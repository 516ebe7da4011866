-- requires: audit/note core/fail
-- For retention, in the transaction that removes the rows: `delete … where xact < audit.retire('signals.signals', before)`. Whole blocks
-- go, a few at a time; their digests stay, and that they went is recorded, and sealed.
create or replace function audit.retire(p_relation text, p_before timestamptz, p_blocks integer default 100) returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_first bigint;
  v_last audit.seals;
begin
  if p_relation = 'audit.records' or not exists (select from audit.sources as w where w.relation = p_relation) then
    perform core.fail('TRH03', jsonb_build_object('relation', p_relation));
  end if;
  select coalesce(max((r.after ->> 'number')::bigint), 0) + 1 into v_first
  from audit.records as r
  where r.kind = 'audit.retire' and r.subject ->> 'relation' = p_relation;
  select s.* into v_last
  from audit.seals as s
  where s.number < v_first + p_blocks and s.number >= v_first and s.sealed_at < p_before
  order by s.number desc
  limit 1;
  if v_last.number is null then
    return null;
  end if;
  perform audit.note(
    'audit.retire', null, jsonb_build_object('relation', p_relation), null, 'retention', null,
    jsonb_build_object('first', v_first, 'number', v_last.number, 'before', p_before)
  );
  return v_last.to_xact;
end
$$;

comment on function audit.retire(text, timestamptz, integer) is
'Lets retention remove the rows of a sealed table that were sealed before a time, p_blocks blocks at most: those with xact below what is
returned, all of them and in this transaction; null: there are none. Fails with TRH03.';
