create or replace function trust.lanes_of(p_account bigint, p_role text) returns table (lane smallint)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select a.lane from access.accounts as a
  where a.account_id = p_account and p_role = 'subscriber' and 'subscriber' = any (a.roles)
  union
  select s.lane from signals.streams as s where s.account_id = p_account and p_role = 'provider'
  union
  select u.lane from trust.scores as u where u.account_id = p_account and u.role = p_role
$$;

comment on function trust.lanes_of(bigint, text) is 'Where an account has a score in this role: a subscriber in its own lane, a provider where its streams are.';
