-- requires: signals/resolve_symbols
-- Crosses lanes, from the stream's to the portfolio's, so that what is asked at every upload and dispatch need not.
create or replace function signals.follow_symbols(p_portfolio bigint, p_stream bigint, p_symbol text default null)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_lane smallint;
begin
  select p.lane into strict v_lane from signals.portfolios as p where p.portfolio_id = p_portfolio;
  insert into signals.symbol_resolutions (lane, portfolio_id, master_symbol, symbol)
  select v_lane, p_portfolio, i.symbol, i.symbol
  from signals.streams as s
  inner join signals.instruments as i on i.lane = s.lane and i.stream_id = s.stream_id
  where s.stream_id = p_stream and i.symbol = coalesce(p_symbol, i.symbol)
  on conflict (lane, portfolio_id, master_symbol) do nothing;
  perform signals.resolve_symbols(v_lane, p_portfolio, p_symbol);
end
$$;

comment on function signals.follow_symbols(bigint, bigint, text) is
'Makes the symbols (or one) of a stream known to a portfolio that follows it, and resolves them.';
