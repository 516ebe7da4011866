-- The clock and the registry are for everyone who talks to the plane.

grant usage on schema core to ecp_gateway, ecp_operator, ecp_api;

grant execute on function
  core.error_registry,
  core.lane_numbers
to ecp_gateway;

grant execute on function
  core.error_registry,
  core.lane_numbers
to ecp_operator;

grant execute on function
  core.error_registry
to ecp_api;
