-- The clock and the registry are for everyone who talks to the plane.

grant usage on schema core to ecp_gateway, ecp_operator, ecp_api, ecp_auditor, ecp_analyst, ecp_tenant;

grant execute on function core.now to ecp_gateway, ecp_operator, ecp_api, ecp_auditor, ecp_analyst, ecp_tenant;
grant execute on function core.error_registry to ecp_gateway, ecp_operator, ecp_api, ecp_auditor, ecp_analyst, ecp_tenant;
grant execute on function core.lane_numbers to ecp_gateway, ecp_operator;
