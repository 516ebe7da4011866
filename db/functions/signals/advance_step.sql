-- Plpgsql, not SQL: an aggregate's step is not inlined, and plpgsql evaluates a simple expression several times faster.
create or replace function signals.advance_step(p_state bigint, p_last bigint, p_seq bigint) returns bigint
language plpgsql immutable
as $$
begin
  return coalesce(p_state, p_last) + (p_seq is not distinct from coalesce(p_state, p_last) + 1)::integer;
end
$$;

comment on function signals.advance_step(bigint, bigint, bigint) is 'Step of the aggregate signals.advance.';
