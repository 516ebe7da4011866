-- A market that is closed over the weekend must not fill the disk, and one that opens again must not be waited for long.
create or replace function signals.due_at(p_tries integer, p_changed_at timestamptz) returns timestamptz
language sql immutable
as $$
  select p_changed_at + case when p_tries = 0 then 0 else least(5 * power(2, least(p_tries, 10)), 900) end * interval '1 second'
$$;

comment on function signals.due_at(integer, timestamptz) is
'When the clock may try something about a copy again: at once, after 10 seconds, 20, 40, and so on to every 15 minutes.';
