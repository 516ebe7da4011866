-- requires: billing/reserve_step
-- Run as a window it says who gets a hold: whoever the rest is enough for, in order, whatever was refused to those before.
create or replace aggregate billing.reserve(p_fee numeric, p_available numeric) (
  sfunc = billing.reserve_step, stype = numeric, initcond = '0'
);

comment on aggregate billing.reserve(numeric, numeric) is
'How much of p_available is reserved after these fees: a fee that the rest is not enough for is passed over.';
