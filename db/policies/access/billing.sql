-- Operators, and the payment adapter that comes later, move money by these functions; nobody reads or writes the tables.

grant usage on schema billing to ecp_operator, ecp_auditor, ecp_tenant;

grant execute on function
  billing.assign_plan,
  billing.correct,
  billing.deposit,
  billing.open_wallet,
  billing.refund,
  billing.statement,
  billing.withdraw,
  billing.write_plan
to ecp_operator;

grant execute on function billing.statement to ecp_auditor, ecp_tenant;
