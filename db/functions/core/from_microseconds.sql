-- Out of range becomes null, and null is refused as malformed: a timestamp from the wire must not raise. Without a time zone until
-- the end, as in core.microseconds, so that it is inlined.
create or replace function core.from_microseconds(p_us bigint) returns timestamptz
language sql immutable parallel safe
as $$
  select case
    when p_us between 0 and 4102444800000000
      then (timestamp 'epoch' + p_us * interval '1 microsecond') at time zone 'UTC'
  end
$$;

comment on function core.from_microseconds(bigint) is 'A time from the wire; null unless between 1970 and 2100.';
