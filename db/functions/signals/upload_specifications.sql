-- requires: core/from_e8 core/now signals/broken_specification signals/resolve_symbols
-- The whole list or nothing: half a list would resolve symbols that the broker does not have.
create or replace function signals.upload_specifications(
  p_lane smallint, p_session uuid, p_portfolio bigint, p_symbols text[], p_digits integer[], p_contract_sizes bigint[],
  p_volume_mins bigint[], p_volume_maxs bigint[], p_volume_steps bigint[], p_tick_sizes bigint[], p_tick_values bigint[],
  p_base_currencies text[], p_profit_currencies text[], p_trade_modes text[]
) returns table (code text, detail text, master_symbol text, symbol text, reason text)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_owner record;
  v_portfolio bigint;
  v_broken jsonb;
  v_code text;
begin
  select l.account_id, l.purpose into v_owner
  from access.sessions as s
  inner join access.licenses as l on l.license_id = s.license_id
  where s.lane = p_lane and s.session_id = p_session and s.ended_at is null
  for share of s;
  select p.portfolio_id into v_portfolio
  from signals.portfolios as p
  where p.lane = p_lane and p.portfolio_id = p_portfolio and p.account_id = v_owner.account_id;
  perform pg_advisory_xact_lock('signals.specifications'::regclass::oid::integer, hashint8(p_portfolio));
  v_broken := signals.broken_specification(
    p_symbols, p_digits, p_contract_sizes, p_volume_mins, p_volume_maxs, p_volume_steps, p_tick_sizes, p_tick_values,
    p_trade_modes
  );
  v_code := case
    when v_owner.account_id is null then 'TRA06'
    when v_owner.purpose <> 'subscribe' then 'TRA07'
    when v_portfolio is null then 'TRS24'
    when v_broken is not null then 'TRS26'
  end;
  if v_code is not null then
    return query select v_code, coalesce(case when v_code = 'TRS26' then v_broken::text end, p_portfolio::text), null, null, null;
    return;
  end if;
  delete from signals.specifications as d where d.lane = p_lane and d.portfolio_id = p_portfolio;
  insert into signals.specifications (
    lane, portfolio_id, symbol, digits, contract_size, volume_min, volume_max, volume_step, tick_size, tick_value,
    base_currency, profit_currency, trade_mode, uploaded_at
  )
  select
    p_lane, p_portfolio, u.symbol, u.digits, core.from_e8(u.contract_size), core.from_e8(u.volume_min),
    core.from_e8(u.volume_max), core.from_e8(u.volume_step), core.from_e8(u.tick_size), u.tick_value * 0.00000001,
    nullif(u.base_currency, ''), nullif(u.profit_currency, ''), u.trade_mode, core.now()
  from unnest(
    p_symbols, p_digits, p_contract_sizes, p_volume_mins, p_volume_maxs, p_volume_steps, p_tick_sizes, p_tick_values,
    p_base_currencies, p_profit_currencies, p_trade_modes
  ) as u (
    symbol, digits, contract_size, volume_min, volume_max, volume_step, tick_size, tick_value, base_currency,
    profit_currency, trade_mode
  );
  perform signals.resolve_symbols(p_lane, p_portfolio);
  return query
  select null::text, null::text, r.master_symbol, r.symbol, r.reason
  from (values (true)) as one
  left join signals.symbol_resolutions as r on r.lane = p_lane and r.portfolio_id = p_portfolio
  order by r.master_symbol;
end
$$;

comment on function signals.upload_specifications(
  smallint, uuid, bigint, text[], integer[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], text[], text[], text[]
) is 'Replaces what the broker of a portfolio trades; numbers in units of 1e-8. A row for each symbol of the masters with what it
resolved to, at least one. code: TRA06, TRA07, TRS24, TRS26, whose detail names symbol and rule, or null.';
