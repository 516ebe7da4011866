-- requires: core/now
-- A barrier view, like the other states: whoever is on duty reads it without reading the tables.
create or replace view ops.account_states with (security_barrier = true) as
select
  a.account_id, a.name, a.roles, a.status, a.status_by, a.status_reason, a.lane, a.created_at,
  (
    select count(*)
    from access.licenses as l
    where l.account_id = a.account_id and l.revoked_at is null and l.expires_at > core.now()
  ) as licenses,
  (select count(*) from signals.streams as s where s.account_id = a.account_id) as streams,
  (select count(*) from signals.subscriptions as u where u.account_id = a.account_id and u.ended_at is null) as subscriptions
from access.accounts as a;

comment on view ops.account_states is 'Every account, with how many licenses it has that are valid, streams, and subscriptions that have not ended.';
