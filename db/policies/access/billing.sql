-- Operators, and the payment adapter that comes later, move money by these functions; nobody reads or writes the tables.

grant usage on schema billing to ecp_operator, ecp_auditor;

grant execute on function
  billing.correct,
  billing.deposit,
  billing.open_wallet,
  billing.refund,
  billing.withdraw
to ecp_operator;
