-- requires: audit/note core/fail core/fail_rule core/now
create or replace function signals.create_portfolio(
  p_account bigint, p_name text, p_mode text default 'HEDGING', p_currency text default null
) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_lane smallint;
  v_portfolio bigint;
  v_constraint text;
  v_column text;
begin
  begin
    select a.lane into v_lane from access.accounts as a
    where a.account_id = p_account and a.status = 'ACTIVE' and 'subscriber' = any (a.roles);
    if v_lane is null then
      perform core.fail('TRA08', jsonb_build_object('account', p_account));
    end if;
    insert into signals.portfolios (lane, account_id, name, mode, currency, created_at)
    values (v_lane, p_account, p_name, p_mode, p_currency, core.now())
    returning portfolio_id into v_portfolio;
  exception when integrity_constraint_violation then
    get stacked diagnostics v_constraint = constraint_name, v_column = column_name;
    perform core.fail_rule('TRS34', jsonb_build_object('name', p_name), v_constraint, 'portfolios', v_column);
  end;
  perform audit.note(
    'signals.create_portfolio', v_lane, jsonb_build_object('portfolio_id', v_portfolio), null, null, null,
    jsonb_build_object('account_id', p_account, 'name', p_name, 'mode', p_mode, 'currency', p_currency)
  );
  return v_portfolio;
end
$$;

comment on function signals.create_portfolio(bigint, text, text, text) is
'A broker account of a subscriber, HEDGING or NETTING, in its currency. Returns portfolio_id. Fails with TRA08, TRS34.';
