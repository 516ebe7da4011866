-- In UTC. What is settled trade by trade still ends its day: for the management fee, and for a plan that waits.
create or replace function billing.next_boundary(p_period text, p_after timestamptz) returns timestamptz
language sql immutable
as $$
  select (
    case p_period
      when 'MONTHLY' then date_trunc('month', p_after at time zone 'UTC') + interval '1 month'
      when 'WEEKLY' then date_trunc('week', p_after at time zone 'UTC') + interval '1 week'
      else date_trunc('day', p_after at time zone 'UTC') + interval '1 day'
    end
  ) at time zone 'UTC'
$$;

comment on function billing.next_boundary(text, timestamptz) is
'When the period that p_after is in ends: midnight UTC, of the day, Sunday, or the month.';
