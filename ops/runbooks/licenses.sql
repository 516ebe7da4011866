-- Licenses: which have ended or will end soon?
\ir begin.psql
\echo '== Licenses: which have ended or will end soon?'
select
  l.account, l.purpose, l.license_id, l.expires_at, l.refusal, l.client, l.renewed_at as seen_at,
  format('select * from access.rotate_license(''%s'');', l.license_id) as mend,
  format('select access.revoke_license(''%s'', ''<why>'', ''<you>'');', l.license_id) as or_let_it_end
from ops.license_states as l
where not l.has_successor and l.revoked_by is null
  and l.expires_at between core.now() - interval '30 days'
  and core.now() + (select k.value from ops.settings as k where k.name = 'first_license_notice')
order by l.expires_at;
select :ROW_COUNT > 0 as found \gset
\if :found
\echo 'FOUND: the terminals with these are refused from then on (TRA02, TRA08).'
\echo 'MEND:  select * from access.rotate_license(<license_id>); shows the new token once; both are valid until the old one ends. Nobody needs it any more: select access.revoke_license(<license_id>, <why>, <you>); it is listed no longer, and LicenseEnds stops.'
\else
\echo 'Nothing found.'
\endif
