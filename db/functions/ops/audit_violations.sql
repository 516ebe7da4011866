-- requires: audit/violations
-- The newest thousand blocks, some hours of a busy plane: all of them is audit.verify's.
create or replace view ops.audit_violations with (security_invoker = true) as
select 'chain_holds' as invariant, to_jsonb(v) as offender
from audit.violations((select greatest(max(s.number) - 1000, 1) from audit.seals as s)) as v;

comment on view ops.audit_violations is 'Offenders against the audit chain. Invoker''s rights: it is read through ops.verify only.';
