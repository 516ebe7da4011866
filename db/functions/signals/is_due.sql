-- A market that is closed over the weekend must not fill the disk, and one that opens again must not be waited for long.
create or replace function signals.is_due(p_tries integer, p_changed_at timestamptz, p_now timestamptz) returns boolean
language sql immutable
as $$
  select p_tries = 0 or p_changed_at <= p_now - least(5 * power(2, least(p_tries, 10)), 900) * interval '1 second'
$$;

comment on function signals.is_due(integer, timestamptz, timestamptz) is
'Whether the clock may try something about a copy again: after 10 seconds, 20, 40, and so on to every 15 minutes.';
