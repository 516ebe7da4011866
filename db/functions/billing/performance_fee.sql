-- With one rate it does not matter where the time is cut: what is charged and what is carried always add up to the rate times what H
-- has risen, and what is carried is less than the smallest unit.
create or replace function billing.performance_fee(
  p_realised numeric, p_high_water_mark numeric, p_rate numeric, p_remainder numeric, p_digits integer,
  out fee numeric, out high_water_mark numeric, out remainder numeric
)
language sql immutable
as $$
  select trunc(d.due, p_digits), greatest(p_high_water_mark, p_realised), d.due - trunc(d.due, p_digits)
  from (select p_rate * greatest(0, p_realised - p_high_water_mark) + p_remainder as due) as d
$$;

comment on function billing.performance_fee(numeric, numeric, numeric, numeric, integer) is
'What is due when the realised profit stands at p_realised, the high-water mark after it, and what is carried to the next time.';
