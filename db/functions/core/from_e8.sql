-- Zero means "none" on the wire, for stops as for prices.
create or replace function core.from_e8(p_value bigint) returns numeric
language sql immutable parallel safe
as $$ select nullif(p_value, 0) * 0.00000001 $$;

comment on function core.from_e8(bigint) is 'A price or volume from the wire (units of 1e-8); 0 becomes null.';
