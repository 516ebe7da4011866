-- While a table is small all its indexes seem equally good to the planner, and it takes the one that was made last, even for half a key:
-- rows that have one key were looked for among all of their lane. So no index begins with the lane alone. What the others begin with
-- is of one lane anyway.
-- It is made in one go: nobody had these tables in production at any size before.
-- squawk-ignore-file ban-drop-constraint, disallowed-unique-constraint, constraint-missing-not-valid
-- squawk-ignore-file require-concurrent-index-creation, require-concurrent-index-deletion

alter table billing.ledger_accounts drop constraint ledger_accounts_one_of_a_kind;
alter table billing.ledger_accounts
add constraint ledger_accounts_one_of_a_kind unique nulls not distinct (account_id, kind, currency, lane);

drop index billing.transfers_of_debit;
create index transfers_of_debit on billing.transfers (debit_id, transfer_id);
drop index billing.transfers_of_credit;
create index transfers_of_credit on billing.transfers (credit_id, transfer_id);

drop index billing.agreements_of_wallet;
create index agreements_of_wallet on billing.agreements (wallet_id);
-- Dispatch locks the wallets of a stream's followers by it; where nobody pays it is empty.
drop index billing.agreements_of_stream;
create index agreements_of_stream on billing.agreements (stream_id);
