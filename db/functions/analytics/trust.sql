-- A barrier view of ecp_reader's: who reads it has no right on the tables, and the row policies say which rows are his.
create or replace view analytics.trust with (security_barrier = true) as
select
  s.account_id, a.name as account, s.role, s.score, s.score < 50 as pauses, s.last_incident_at, s.recovered_at, s.changed_at
from trust.scores as s
inner join access.accounts as a on a.account_id = s.account_id;

comment on view analytics.trust is
'Trust scores, one row for each account, role and lane in which it acts. Who has no row has 100.';
comment on column analytics.trust.account_id is 'Number of the account.';
comment on column analytics.trust.account is 'Name of the account.';
comment on column analytics.trust.role is 'provider or subscriber: each has a score of its own.';
comment on column analytics.trust.score is 'From 0 to 100.';
comment on column analytics.trust.pauses is 'Whether the score stops new exposure.';
comment on column analytics.trust.last_incident_at is 'When something took points; UTC; null: nothing did.';
comment on column analytics.trust.recovered_at is 'When points last came back with time; UTC.';
comment on column analytics.trust.changed_at is 'When the score last changed; UTC.';
