-- requires: trust/add_step
-- Run as a window in order of arrival: the sum is clamped at every step, not at the end.
create or replace aggregate trust.add(p_start integer, p_points integer) (
  sfunc = trust.add_step, stype = integer
);

comment on aggregate trust.add(integer, integer) is 'The score after these points, begun from p_start, never under 0 or over 100.';
