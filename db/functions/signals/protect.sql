-- requires: audit/note core/fail core/now signals/watch_equity
create or replace function signals.protect(
  p_portfolio bigint, p_kind text, p_threshold numeric, p_unit text, p_action text, p_subscription bigint default null
) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_lane smallint;
  v_protection bigint;
  v_rule text;
  v_column text;
begin
  v_lane := signals.hold_portfolio(p_portfolio);
  if p_subscription is not null and not exists (
    select
    from signals.subscriptions as s
    inner join signals.copy_settings as k
      on k.lane = v_lane and k.subscription_id = s.subscription_id and k.version = s.settings_version
    where s.lane = v_lane and s.subscription_id = p_subscription and s.portfolio_id = p_portfolio
      -- A loss in percent is of something.
      and (k.capital is not null or p_unit <> 'PERCENT')
  ) then
    perform core.fail('TRS25', jsonb_build_object('portfolio', p_portfolio, 'subscription', p_subscription, 'rule', 'subscription_with_capital'));
  end if;
  begin
    insert into signals.protections (
      lane, portfolio_id, subscription_id, kind, threshold, unit, action, created_at
    )
    values (v_lane, p_portfolio, coalesce(p_subscription, 0), p_kind, p_threshold, p_unit, p_action, core.now())
    returning protection_id into v_protection;
  exception when check_violation or not_null_violation then
    get stacked diagnostics v_rule = constraint_name, v_column = column_name;
    perform core.fail(
      'TRS25', jsonb_build_object('portfolio', p_portfolio, 'rule', coalesce(nullif(v_rule, ''), v_column || '_not_null'))
    );
  end;
  perform audit.note('signals.protect', v_lane, jsonb_build_object('protection_id', v_protection), null, null, null, jsonb_build_object(
    'portfolio_id', p_portfolio, 'subscription_id', p_subscription, 'kind', p_kind, 'threshold', p_threshold, 'unit', p_unit,
    'action', p_action
  ));
  update signals.portfolios as p set is_protected = true where p.lane = v_lane and p.portfolio_id = p_portfolio;
  perform signals.watch_equity(v_lane, array[p_portfolio], core.now());
  return v_protection;
end
$$;

comment on function signals.protect(bigint, text, numeric, text, text, bigint) is
'A limit on loss of a portfolio, or of one subscription in it: DAILY_LOSS, DRAWDOWN (in MONEY or PERCENT), EQUITY_FLOOR (MONEY), with
NOTIFY, CLOSE_ONLY or CLOSE_ALL. From now on new exposure needs an equity that is at most a minute old. Returns protection_id.
Fails with TRS24, TRS25.';
