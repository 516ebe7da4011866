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
  access.rotate_license,
  access.set_account_status
to ecp_operator;

-- Tenants say who they are; what reads for them asks who is reading.
grant usage on schema access to ecp_tenant, ecp_analyst, ecp_auditor;

grant execute on function
  access.act_for,
  access.revoke_license,
  access.rotate_license
to ecp_tenant;

-- The API changes tokens for tokens, is told whom it may act for, and remembers what it answered, whatever role it is in by then.
grant execute on function
  access.admit,
  access.exchange_license,
  access.refresh,
  access.revoke_tokens
to ecp_api;

grant execute on function
  access.begin_request,
  access.end_request
to ecp_api, ecp_operator, ecp_analyst, ecp_auditor;

grant execute on function
  access.in_sight,
  access.rights,
  access.sees_all
to ecp_tenant, ecp_analyst, ecp_auditor, ecp_operator;
