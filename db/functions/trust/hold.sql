-- requires: core/now
-- The rows are made first, so that two who find none of an account still wait for each other.
create or replace function trust.hold(p_lane smallint, p_role text, p_accounts bigint[]) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  insert into trust.scores (lane, account_id, role, changed_at)
  select distinct p_lane, a.account_id, p_role, core.now()
  from unnest(p_accounts) as a (account_id)
  order by a.account_id
  on conflict (lane, account_id, role) do nothing;
  select 1
  from trust.scores as s
  where s.lane = p_lane and s.role = p_role and s.account_id = any (p_accounts)
  order by s.account_id
  for no key update
$$;

comment on function trust.hold(smallint, text, bigint[]) is 'Locks the scores of these accounts of a lane, ascending.';
