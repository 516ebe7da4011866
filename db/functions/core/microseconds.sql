-- extract() of a timestamptz is STABLE, and so would be whatever inlines this; of a timestamp it is not.
create or replace function core.microseconds(p_at timestamptz) returns bigint
language sql immutable parallel safe
as $$ select coalesce(extract(epoch from p_at at time zone 'UTC') * 1000000, 0)::bigint $$;

comment on function core.microseconds(timestamptz) is 'Microseconds since 1970 UTC, as the wire carries times; null becomes 0.';
