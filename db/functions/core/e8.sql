create or replace function core.e8(p_value numeric) returns bigint
language sql immutable parallel safe
as $$ 
  select case when p_value is null then 0
    else greatest(least(p_value * 100000000, 9223372036854775807), -9223372036854775808) end::bigint
 $$;

comment on function core.e8(numeric) is 'A price or volume as the wire carries it: units of 1e-8; null becomes 0, and what no wire can carry the most it can: one row must
not fail a batch.';
