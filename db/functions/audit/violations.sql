-- requires: audit/block_hash audit/digests
create or replace function audit.violations(p_since bigint) returns table (relation text, number bigint, violation text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with chain as (
    select
      s as seal, s.number, s.from_xact, s.hash,
      lag(s.number) over in_order as number_before, lag(s.to_xact) over in_order as to_before, lag(s.hash) over in_order as hash_before
    from audit.seals as s
    where s.number >= p_since - 1
    window in_order as (order by s.number)
  ), versions as (
    select w as source, w.relation, w.since, lead(w.since) over (partition by w.relation order by w.since) as until
    from audit.sources as w
  ), found as (
    select v.relation, b.numbers[d.place] as number, d.rows, d.digest
    from versions as v
    cross join lateral (
      select array_agg(s.number order by s.number) as numbers, array_agg(s.from_xact order by s.number) || max(s.to_xact) as bounds
      from audit.seals as s
      where s.number >= greatest(v.since, p_since) and (v.until is null or s.number < v.until)
    ) as b
    cross join lateral audit.digests(v.source, b.bounds) as d
  ), retired as (
    select r.subject ->> 'relation' as relation, max((r.after ->> 'number')::bigint) as number
    from audit.records as r
    where r.kind = 'audit.retire'
    group by r.subject ->> 'relation'
  )
  select 'audit.seals', c.number, 'does not begin where the block before it ends'
  from chain as c
  where c.number >= p_since
    and (c.number, c.from_xact) is distinct from (coalesce(c.number_before, 0) + 1, coalesce(c.to_before, 0))
  union all
  select 'audit.seals', c.number, 'has not the hash of its own content after that of the block before it'
  from chain as c
  where c.number >= p_since and c.hash is distinct from audit.block_hash(
    coalesce(c.hash_before, ''), c.seal, array(select s from audit.sections as s where s.number = c.number)
  )
  union all
  select
    coalesce(f.relation, s.relation), coalesce(f.number, s.number),
    case
      when t.number is not null then f.rows || ' rows of what was retired'
      when f.rows is not distinct from s.rows then 'one or more of ' || s.rows || ' rows were changed'
      else coalesce(f.rows, 0) || ' rows, of ' || coalesce(s.rows, 0) || ' that were sealed'
    end
  from (select w.* from audit.sections as w where w.number >= p_since) as s
  full join found as f on f.relation = s.relation and f.number = s.number
  left join retired as t on t.relation = coalesce(f.relation, s.relation) and t.number >= coalesce(f.number, s.number)
  where case when t.number is null then (f.rows, f.digest) is distinct from (s.rows, s.digest) else f.number is not null end
  union all
  -- It would never be sealed.
  select v.relation, null, d.rows || ' rows of transactions that have not been'
  from versions as v
  cross join lateral audit.digests(
    v.source,
    array[
      greatest(pg_snapshot_xmax(pg_current_snapshot())::text::bigint, pg_current_xact_id_if_assigned()::text::bigint + 1),
      9223372036854775807
    ]
  ) as d
  where v.until is null
$$;

comment on function audit.violations(bigint) is
'Where the tables, or the chain itself, are not what the blocks from p_since on say: table, block and what was found.';
