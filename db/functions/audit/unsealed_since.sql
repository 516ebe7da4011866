-- requires: core/now
-- Asked of what comes from outside: what operators did, and signals; the rest follows from these. By the range of the stamps, which is
-- short as long as sealing goes on. No limit: for one row, a plan would read the whole log in another order, and find none.
create or replace function audit.unsealed_since(p_longer_than interval default '1 minute') returns timestamptz
language sql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
  select least(
    (select min(r.occurred_at) from audit.records as r where r.xact >= n.to_xact and r.occurred_at < core.now() - p_longer_than),
    (select min(x.received_at) from signals.signals as x where x.xact >= n.to_xact and x.received_at < core.now() - p_longer_than)
  )
  from (select coalesce(max(s.to_xact), 0) as to_xact from audit.seals as s) as n
$$;

comment on function audit.unsealed_since(interval) is
'When something was written that is older than this and in no block of the chain yet: the oldest there is; null: there is none.';
