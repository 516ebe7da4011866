-- requires: core/fail signals/resolve_symbols
create or replace function signals.map_symbol(p_portfolio bigint, p_master_symbol text, p_symbol text) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_lane smallint;
begin
  select p.lane into v_lane from signals.portfolios as p where p.portfolio_id = p_portfolio;
  perform pg_advisory_xact_lock('signals.specifications'::regclass::oid::integer, hashint8(p_portfolio));
  if v_lane is null then
    perform core.fail('TRS24', jsonb_build_object('portfolio', p_portfolio));
  elsif length(p_master_symbol) between 1 and 32 is not true or length(p_symbol) not between 1 and 32 then
    perform core.fail('TRS34', jsonb_build_object('portfolio', p_portfolio, 'rule', 'symbol_maps_symbol_length'));
  end if;
  if p_symbol is null then
    delete from signals.symbol_maps as m
    where m.lane = v_lane and m.portfolio_id = p_portfolio and m.master_symbol = p_master_symbol;
  else
    insert into signals.symbol_maps (lane, portfolio_id, master_symbol, symbol)
    values (v_lane, p_portfolio, p_master_symbol, p_symbol)
    on conflict (lane, portfolio_id, master_symbol) do update set symbol = excluded.symbol;
  end if;
  perform signals.resolve_symbols(v_lane, p_portfolio, p_master_symbol);
end
$$;

comment on function signals.map_symbol(bigint, text, text) is
'Says what a symbol of the masters is called at the portfolio''s broker; null: to be guessed again. Fails with TRS24, TRS34.';
