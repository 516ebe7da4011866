-- requires: audit/block_hash audit/digests audit/retirable
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
    select
      w as source, w.relation, w.since, w.may_go, lag(w.since) over in_order is null as is_first,
      lead(w.since) over in_order as until
    from audit.sources as w
    window in_order as (partition by w.relation order by w.since)
  ), found as (
    select v.relation, b.numbers[d.place] as number, d.rows, d.digest
    from versions as v
    cross join lateral (
      select array_agg(s.number order by s.number) as numbers, array_agg(s.from_xact order by s.number) || max(s.to_xact) as bounds
      from audit.seals as s
      where s.number >= greatest(v.since, p_since) and (v.until is null or s.number < v.until)
    ) as b
    cross join lateral audit.digests(v.source, b.bounds) as d
  ), beginning as (
    select coalesce((select s.from_xact from audit.seals as s where s.number = p_since), 0) as xact, audit.retirable() as retirable
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
      when f.rows is not distinct from s.rows then 'one or more of ' || s.rows || ' rows were changed'
      else coalesce(f.rows, 0) || ' rows, of ' || coalesce(s.rows, 0) || ' that were sealed'
    end
  from (select w.* from audit.sections as w where w.number >= p_since) as s
  full join found as f on f.relation = s.relation and f.number = s.number
  where (f.rows, f.digest) is distinct from (s.rows, s.digest)
  union all
  select
    g.relation, g.number,
    sum(g.rows) || case when g.may_go then ' rows are gone before their time' else ' rows are gone, and are never retired' end
  from (
    select m.relation, v.may_go, m.rows, s.number
    from versions as v
    cross join beginning as b
    cross join lateral (
      select w.relation, w.xact, count(*) as rows
      from audit.remains as w
      where w.relation = v.relation and w.xact >= case when v.may_go then greatest(b.xact, b.retirable) else b.xact end
      group by w.relation, w.xact
    ) as m
    left join lateral (select w.number from audit.seals as w where w.to_xact > m.xact order by w.to_xact limit 1) as s on true
    where v.until is null
  ) as g
  group by g.relation, g.may_go, g.number
  union all
  -- It is in no block.
  select v.relation, null, d.rows || ' rows of transactions before its first block'
  from versions as v
  cross join lateral audit.digests(
    v.source,
    array[
      '-9223372036854775808',
      coalesce(
        (select s.from_xact from audit.seals as s where s.number = v.since), (select max(s.to_xact) from audit.seals as s), 0
      )
    ]
  ) as d
  where v.is_first
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
