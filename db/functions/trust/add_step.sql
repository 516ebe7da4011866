create or replace function trust.add_step(p_state integer, p_start integer, p_points integer) returns integer
language plpgsql immutable
as $$
begin
  return least(greatest(coalesce(p_state, p_start) + p_points, 0), 100);
end
$$;

comment on function trust.add_step(integer, integer, integer) is 'Step of the aggregate trust.add.';
