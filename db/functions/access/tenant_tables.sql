-- requires: access/in_sight
-- Whose a row is is said by the first of the keys that its table has, and where that may be null by the next one. A table that
-- says it otherwise is a line in the second list. With the rights of who asks: it reads the catalog only.
create or replace view access.tenant_tables with (security_invoker = true) as
select
  k.relation,
  case count(*) when 1 then min(k.test) else format('coalesce(%s, false)', string_agg(k.test, ', ' order by k.place)) end as own_rows
from (
  select
    c.oid::regclass as relation, w.place,
    format('%I = any ((select access.in_sight(%L))::bigint[])', w.name, w.what) as test,
    count(*) filter (where a.attnotnull) over before as keys_before
  from pg_class as c
  inner join pg_namespace as n on n.oid = c.relnamespace and pg_get_userbyid(n.nspowner) = 'ecp_owner'
  inner join pg_attribute as a on a.attrelid = c.oid and not a.attisdropped
  inner join (
    values
    (1, 'account_id', 'account'), (2, 'portfolio_id', 'portfolio'), (3, 'subscription_id', 'subscription'), (4, 'stream_id', 'stream')
  ) as w (place, name, what) on w.name = a.attname
  where c.relkind in ('r', 'p') and not c.relispartition
  window before as (partition by c.oid order by w.place rows between unbounded preceding and 1 preceding)
) as k
where k.keys_before = 0
group by k.relation
union all
-- Who connected from where, and who did what, is told to nobody but the house.
values
('access.sessions'::regclass, 'false'), ('access.refusals'::regclass, 'false'), ('access.expiry_notices'::regclass, 'false'),
('access.refresh_tokens'::regclass, 'false'), ('audit.records'::regclass, 'false');

comment on view access.tenant_tables is
'Every table whose rows belong to somebody, with the condition that says which of them are the caller''s.';
comment on column access.tenant_tables.own_rows is 'For tenants; analysts, auditors and operators see every row.';
