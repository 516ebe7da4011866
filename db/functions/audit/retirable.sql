-- requires: core/now
-- One answer for who takes rows away and who looks afterwards whether it was their time. It is the least that counts, not the setting,
-- which may have been another one then. Without a setting there is nothing that may go.
create or replace function audit.retirable() returns bigint
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    (
      select s.from_xact
      from audit.seals as s
      where s.sealed_at >= coalesce(
        core.now() - (select w.least from ops.settings as w where w.name = 'keep_signals'), '-infinity'
      )
      order by s.sealed_at, s.number
      limit 1
    ),
    (select max(s.to_xact) from audit.seals as s),
    0
  )
$$;

comment on function audit.retirable() is
'What transactions before this one wrote was sealed longer ago than the least that keep_signals may be, and may be retired.';
