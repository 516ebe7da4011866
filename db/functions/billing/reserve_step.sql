-- Plpgsql, not SQL, as signals.advance_step is and for its reason.
create or replace function billing.reserve_step(p_state numeric, p_fee numeric, p_available numeric) returns numeric
language plpgsql immutable
as $$
begin
  return p_state + case when p_state + p_fee <= p_available then p_fee else 0 end;
end
$$;

comment on function billing.reserve_step(numeric, numeric, numeric) is 'Step of the aggregate billing.reserve.';
