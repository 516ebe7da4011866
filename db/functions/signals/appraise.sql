-- requires: signals/local_time signals/week_minute
-- The rules of one subscription for one opening: filters, then the symbol, then the lot. Inlined into dispatch and
-- catch-up, hence one SELECT and no SET; OFFSET 0 keeps what is used many times from being computed as often. Lots are
-- a quotient of exact numbers, cut down to the step: a third of 0.3 lots is 0.1, not 0.09.
create or replace function signals.appraise(
  p_position signals.positions, p_settings signals.copy_settings, p_portfolio signals.portfolios,
  p_resolution signals.symbol_resolutions, p_step numeric, p_minimum numeric, p_maximum numeric, p_now timestamptz
) returns table (
  reason text, symbol text, side text, order_type text, stop_loss numeric, take_profit numeric, volume numeric,
  inputs jsonb
)
language sql stable
as $$
  select
    case
      when p_position.symbol <> all (p_settings.symbols) or p_position.symbol = any (p_settings.excluded_symbols)
        then 'SYMBOL_FILTERED'
      when p_position.side <> all (p_settings.sides) then 'SIDE_FILTERED'
      when p_position.magic <> all (p_settings.magics) or p_position.magic = any (p_settings.excluded_magics)
        then 'MAGIC_FILTERED'
      when not p_settings.hours_minutes @> signals.week_minute(w.at) then 'OUT_OF_HOURS'
      when w.news is not null then 'NEWS_WINDOW'
      when p_resolution.reason is not null then p_resolution.reason
      when p_resolution.trade_mode in ('CLOSE_ONLY', 'DISABLED')
        or (p_resolution.trade_mode = 'LONG_ONLY' and o.side = 'SELL')
        or (p_resolution.trade_mode = 'SHORT_ONLY' and o.side = 'BUY')
        then 'SYMBOL_NOT_TRADED'
      when o.order_type is null then 'REVERSE_UNSUPPORTED'
      when p_settings.sizing = 'RISK' and (o.stop > 0 and o.stop <> p_position.price) is not true
        then 'NO_STOP'
      when p_settings.sizing = 'RISK' and (p_resolution.tick_value > 0) is not true then 'NO_SPECIFICATION'
      when (f.numerator > 0 and f.denominator > 0) is not true then 'NO_BALANCE'
      when q.lots < p_minimum and p_settings.below_minimum = 'SKIP' or p_minimum > p_maximum then 'BELOW_MINIMUM'
      when q.lots > p_maximum and p_settings.above_maximum = 'SKIP' then 'ABOVE_MAXIMUM'
    end,
    coalesce(p_resolution.symbol, p_position.symbol), o.side, o.order_type,
    case when p_settings.copy_stops then o.stop else 0 end,
    case when p_settings.copy_stops then case when p_settings.reverse then p_position.stop_loss else p_position.take_profit end else 0 end,
    least(greatest(q.lots, p_minimum), p_maximum),
    jsonb_build_object(
      'mode', p_settings.sizing, 'master_volume', p_position.volume, 'numerator', f.numerator, 'denominator', f.denominator,
      'step', p_step, 'minimum', p_minimum, 'maximum', p_maximum,
      'age_ms', round(extract(epoch from p_now - p_position.opened_at) * 1000, 3)
    ) || case p_settings.sizing
      when 'MULTIPLIER' then jsonb_build_object('multiplier', p_settings.multiplier)
      when 'RISK' then jsonb_build_object(
        'equity', p_portfolio.equity, 'risk_percent', p_settings.risk_percent,
        'distance', abs(p_position.price - o.stop), 'tick_size', p_resolution.tick_size,
        'tick_value', p_resolution.tick_value
      )
      when 'BALANCE_RATIO' then jsonb_build_object('multiplier', p_settings.multiplier, 'own', f.own, 'master', f.master)
      when 'EQUITY_RATIO' then jsonb_build_object('multiplier', p_settings.multiplier, 'own', f.own, 'master', f.master)
      else '{}'
    end || case
      when p_settings.align_contract_size then
        jsonb_build_object('master_contract', p_position.contract_size, 'own_contract', p_resolution.contract_size)
      else '{}'
    end || case
      when not p_settings.hours_minutes @> signals.week_minute(w.at) then jsonb_build_object('value', w.at)
      when w.news is not null then jsonb_build_object('value', w.news)
      when p_resolution.reason is not null then jsonb_build_object('value', p_resolution.candidates)
      else '{}'
    end
  from (
    select
      case when p_settings.reverse then case p_position.side when 'BUY' then 'SELL' else 'BUY' end else p_position.side end as side,
      case
        when not p_settings.reverse then p_position.order_type
        -- Against the master, what waits for a better price becomes what waits for a worse one.
        when p_position.order_type = 'LIMIT' then 'STOP'
        when p_position.order_type = 'STOP' then 'LIMIT'
        when p_position.order_type = 'MARKET' then 'MARKET'
      end as order_type,
      case when p_settings.reverse then p_position.take_profit else p_position.stop_loss end as stop,
      case p_settings.sizing
        when 'BALANCE_RATIO' then p_portfolio.balance
        when 'EQUITY_RATIO' then p_portfolio.equity
      end as own,
      case p_settings.sizing
        when 'BALANCE_RATIO' then nullif(p_position.balance, 0)
        when 'EQUITY_RATIO' then nullif(p_position.equity, 0)
      end as master,
      case when p_settings.align_contract_size then p_position.contract_size else 1 end as master_contract,
      case when p_settings.align_contract_size then coalesce(p_resolution.contract_size, p_position.contract_size) else 1 end as own_contract
  ) as o
  cross join lateral (
    select
      o.own, o.master,
      o.master_contract * case p_settings.sizing
        when 'FIXED' then p_settings.fixed_volume
        when 'SAME' then p_position.volume
        when 'MULTIPLIER' then p_position.volume * p_settings.multiplier
        when 'RISK' then p_portfolio.equity * p_settings.risk_percent * p_resolution.tick_size
        else p_position.volume * p_settings.multiplier * o.own
      end as numerator,
      o.own_contract * case p_settings.sizing
        when 'RISK' then 100 * nullif(abs(p_position.price - o.stop) * p_resolution.tick_value, 0)
        when 'BALANCE_RATIO' then o.master
        when 'EQUITY_RATIO' then o.master
        else 1
      end as denominator
    offset 0
  ) as f
  cross join lateral (select div(f.numerator, f.denominator * p_step) * p_step as lots offset 0) as q
  -- Looked at only where the settings ask for it.
  cross join lateral (
    select
      case when p_settings.hours_minutes is not null then
        signals.local_time(p_settings.zone, p_portfolio.broker_offset, p_now)
      end as at,
      case when p_settings.news_before is not null then (
        select m.title
        from signals.news as m
        where m.at between p_now - p_settings.news_after and p_now + p_settings.news_before
          and m.currency = any (
            coalesce(p_resolution.currencies, array[substr(p_position.symbol, 1, 3), substr(p_position.symbol, 4, 3)])
          )
          and array_position(array['LOW', 'MEDIUM', 'HIGH'], m.impact)
          >= array_position(array['LOW', 'MEDIUM', 'HIGH'], p_settings.news_impact)
        order by m.at
        limit 1
      ) end as news
    offset 0
  ) as w
$$;

comment on function signals.appraise(
  signals.positions, signals.copy_settings, signals.portfolios, signals.symbol_resolutions, numeric, numeric, numeric,
  timestamptz
) is
'What a subscription makes of an opening of the master: reason null and symbol, side, order type, stops and lots to open, or the
reason why not; inputs are the numbers behind it.';
