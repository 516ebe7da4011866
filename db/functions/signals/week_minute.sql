create or replace function signals.week_minute(p_at timestamp) returns integer
language sql immutable
as $$
  select (extract(isodow from p_at)::integer - 1) * 1440 + extract(hour from p_at)::integer * 60 + extract(minute from p_at)::integer
$$;

comment on function signals.week_minute(timestamp) is 'The minute of the week, Monday 00:00 is 0: what signals.week_minutes ranges over.';
