-- Auditors read what was done and verify that it was; operators read it. Nobody but the owner writes.

grant usage on schema audit to ecp_operator, ecp_auditor;

grant select on audit.trail to ecp_operator, ecp_auditor;

grant execute on function
  audit.head,
  audit.retired,
  audit.unsealed_since,
  audit.verify
to ecp_operator, ecp_auditor;

grant execute on function audit.seal to ecp_operator;
