-- requires: core/now
-- A barrier view; secrets are not in it.
create or replace view ops.license_states with (security_barrier = true) as
select
  l.license_id, a.account_id, a.name as account, l.purpose, l.networks, l.expires_at, l.replaced_by is not null as has_successor,
  l.revoked_by, l.revoked_reason,
  case
    when l.revoked_at is not null then 'TRA03'
    when l.expires_at <= core.now() then 'TRA02'
    when a.status <> 'ACTIVE' then 'TRA08'
  end as refusal,
  s.gateway, s.client, s.peer, s.renewed_at
from access.licenses as l
inner join access.accounts as a on a.account_id = l.account_id
left join access.sessions as s on s.license_id = l.license_id and s.ended_at is null;

comment on view ops.license_states is 'Every license: whose, until when, why it would be refused from everywhere, and the session that it has.';
