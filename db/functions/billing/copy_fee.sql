create or replace function billing.copy_fee(p_plan billing.fee_plans, p_lots numeric, p_digits smallint) returns numeric
language sql immutable
as $$
  select case
    when p_plan.flat + p_plan.per_lot = 0 then 0
    else round(greatest(p_plan.flat + p_plan.per_lot * p_lots, p_plan.minimum), p_digits)
  end
$$;

comment on function billing.copy_fee(billing.fee_plans, numeric, smallint) is 'What opening so many lots costs under a plan, on the currency''s digits.';
