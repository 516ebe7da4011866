-- requires: core/fail
create or replace function signals.hold_portfolio(p_portfolio bigint) returns smallint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_lane smallint;
begin
  select p.lane into v_lane from signals.portfolios as p where p.portfolio_id = p_portfolio;
  if v_lane is null then
    perform core.fail('TRS24', jsonb_build_object('portfolio', p_portfolio));
  end if;
  perform 1
  from signals.subscription_heads as h
  where h.lane = v_lane and h.subscription_id in (
    select s.subscription_id from signals.subscriptions as s where s.lane = v_lane and s.portfolio_id = p_portfolio
  )
  order by h.subscription_id
  for no key update;
  perform 1 from signals.portfolios as p where p.lane = v_lane and p.portfolio_id = p_portfolio for no key update;
  return v_lane;
end
$$;

comment on function signals.hold_portfolio(bigint) is
'Locks the heads of a portfolio''s subscriptions, then the portfolio; returns its lane. Fails with TRS24.';
