-- requires: signals/symbol_fits
-- The rows are there: signals.subscribe and signals.define_instrument, who know what a stream trades, put them, so that
-- nothing here leaves the lane. One symbol only where just that is new: the portfolio is not held from its heartbeats.
-- What the subscriber mapped outranks every guess. A guess must be the only one: first in the same case, then in any.
create or replace function signals.resolve_symbols(p_lane smallint, p_portfolio bigint, p_master_symbol text default null)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  -- Two that resolve at once would each miss what the other came for.
  -- Not the row of the portfolio, for which every heartbeat would wait.
  perform pg_advisory_xact_lock('signals.specifications'::regclass::oid::integer, hashint8(p_portfolio));
  with wanted as materialized (
    select r.master_symbol, m.symbol as mapped
    from signals.symbol_resolutions as r
    left join signals.symbol_maps as m
      on m.lane = p_lane and m.portfolio_id = r.portfolio_id and m.master_symbol = r.master_symbol
    where r.lane = p_lane and r.portfolio_id = p_portfolio and r.master_symbol = coalesce(p_master_symbol, r.master_symbol)
  ), offered as materialized (
    select s.symbol, lower(s.symbol) as lowered
    from signals.specifications as s
    where s.lane = p_lane and s.portfolio_id = p_portfolio
  ), guessed as (
    select w.master_symbol, w.mapped, coalesce(e.symbols, f.symbols, '{}') as candidates
    from wanted as w
    -- strpos() leaves few for the expression.
    cross join lateral (
      select array_agg(o.symbol order by o.symbol) as symbols
      from offered as o
      where w.mapped is null and strpos(o.symbol, w.master_symbol) > 0
        and signals.symbol_fits(o.symbol, w.master_symbol, true)
    ) as e
    cross join lateral (
      select array_agg(o.symbol order by o.symbol) as symbols
      from offered as o
      where w.mapped is null and e.symbols is null and strpos(o.lowered, lower(w.master_symbol)) > 0
        and signals.symbol_fits(o.lowered, lower(w.master_symbol), false)
    ) as f
  ), resolved as (
    select
      g.master_symbol, g.candidates, s.digits, s.contract_size, s.volume_min, s.volume_max, s.volume_step, s.tick_size,
      s.tick_value, s.base_currency, s.profit_currency, s.trade_mode,
      -- A broker who has said nothing cannot contradict.
      case when s.symbol is not null or not exists (select from offered) then c.symbol end as symbol
    from guessed as g
    cross join lateral (
      select case
        when g.mapped is not null then g.mapped
        when not exists (select from offered) then g.master_symbol
        when cardinality(g.candidates) = 1 then g.candidates[1]
      end as symbol
    ) as c
    left join signals.specifications as s
      on s.lane = p_lane and s.portfolio_id = p_portfolio and s.symbol = c.symbol
  )
  update signals.symbol_resolutions as t
  set
    symbol = r.symbol,
    reason = case
      when r.symbol is not null then null
      when cardinality(r.candidates) > 1 then 'AMBIGUOUS_SYMBOL'
      else 'UNKNOWN_SYMBOL'
    end,
    candidates = r.candidates, digits = r.digits, contract_size = r.contract_size, volume_min = r.volume_min,
    volume_max = r.volume_max, volume_step = r.volume_step, tick_size = r.tick_size, tick_value = r.tick_value,
    currencies = case
      when coalesce(r.base_currency, r.profit_currency) is not null
        then array_remove(array[r.base_currency, nullif(r.profit_currency, r.base_currency)], null)
      when r.master_symbol ~ '^[A-Za-z]{6}'
        then array[upper(left(r.master_symbol, 3)), upper(substr(r.master_symbol, 4, 3))]
      else '{}'
    end,
    trade_mode = r.trade_mode
  from resolved as r
  where t.lane = p_lane and t.portfolio_id = p_portfolio and t.master_symbol = r.master_symbol;
end
$$;

comment on function signals.resolve_symbols(smallint, bigint, text) is
'Rewrites what the symbols (or one) of the masters that a portfolio follows are called at its broker, from map and specifications.';
