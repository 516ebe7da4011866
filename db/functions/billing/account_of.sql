-- requires: core/fail core/now
create or replace function billing.account_of(p_lane smallint, p_kind text, p_account bigint, p_currency text) returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id bigint;
begin
  if not exists (select from billing.currencies as c where c.currency = p_currency) then
    perform core.fail('TRB02', jsonb_build_object('currency', p_currency));
  end if;
  insert into billing.ledger_accounts (lane, kind, account_id, currency, created_at)
  values (p_lane, p_kind, p_account, p_currency, core.now())
  on conflict (lane, account_id, kind, currency) do nothing;
  select a.ledger_account_id into v_id
  from billing.ledger_accounts as a
  where a.lane = p_lane and a.kind = p_kind and a.account_id is not distinct from p_account and a.currency = p_currency;
  return v_id;
end
$$;

comment on function billing.account_of(smallint, text, bigint, text) is
'The ledger account of this kind, opened if there is none. p_account null: the platform''s. Fails with TRB02.';
