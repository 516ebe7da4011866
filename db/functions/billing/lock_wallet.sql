-- Everything that a payment into or out of a wallet can touch, at once and ascending: what follows from it (arrears that are paid, say)
-- must not take a lock that is behind those that are held. Whoever holds a wallet may change the agreements that it pays.
create or replace function billing.lock_wallet(p_lane smallint, p_wallet bigint, p_others bigint[] default '{}') returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  select 1
  from billing.ledger_accounts as a
  where a.lane = p_lane and (
    a.ledger_account_id = p_wallet or a.ledger_account_id = any (p_others) or a.ledger_account_id in (
      select l.id
      from billing.agreements as g
      cross join lateral (values (g.payable_id), (g.revenue_id)) as l (id)
      where g.lane = p_lane and g.wallet_id = p_wallet
    )
  )
  order by a.ledger_account_id
  for no key update
$$;

comment on function billing.lock_wallet(smallint, bigint, bigint[]) is
'Locks a wallet, these others and the clearing accounts that the wallet pays into.';
