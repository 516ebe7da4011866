-- requires: audit/violations
-- What was sealed can be sealed again by whoever owns the tables, and a chain that was cut is a chain: both are found only by a
-- head that was exported before.
create or replace function audit.verify(p_number bigint default null, p_hash bytea default null)
returns table (relation text, number bigint, violation text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select v.relation, v.number, v.violation from audit.violations(1) as v
  union all
  select
    'audit.seals', h.number,
    case
      when h.number is null or h.hash is null then 'cannot be compared: number or hash was not given'
      when s.number is null then 'is missing: the chain was cut'
      else 'is not the block that was exported'
    end
  from (select p_number as number, p_hash as hash) as h
  left join audit.seals as s on s.number = h.number
  where s.hash is distinct from h.hash
$$;

comment on function audit.verify(bigint, bytea) is
'Reads everything that was sealed, and says what was changed, removed or inserted since, by table and block; no row: nothing. With
number and hash of audit.head as they were exported, also whether it is still the same chain.';
