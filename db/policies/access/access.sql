-- The gateway opens sessions; operators make accounts and licenses.

grant usage on schema access to ecp_gateway, ecp_operator;

grant execute on function
  access.close_session,
  access.open_session,
  access.renew_sessions
to ecp_gateway;

grant execute on function
  access.create_account,
  access.issue_license,
  access.revoke_license,
  access.rotate_license
to ecp_operator;

-- Tenants say who they are; what reads for them asks who is reading.
grant usage on schema access to ecp_tenant, ecp_analyst, ecp_auditor;

grant execute on function access.act_for to ecp_tenant;

grant execute on function
  access.in_sight,
  access.sees_all
to ecp_tenant, ecp_analyst, ecp_auditor, ecp_operator;
