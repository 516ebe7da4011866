-- Scores are moved by what happens; the operator may look and reset.

grant usage on schema trust to ecp_operator, ecp_auditor, ecp_tenant;

grant execute on function
  trust.report
to ecp_operator, ecp_auditor, ecp_tenant;

grant execute on function
  trust.reset
to ecp_operator;
