create or replace function core.e8(p_value numeric) returns bigint
language sql immutable parallel safe
as $$ select coalesce(p_value * 100000000, 0)::bigint $$;

comment on function core.e8(numeric) is 'A price or volume as the wire carries it: units of 1e-8; null becomes 0.';
