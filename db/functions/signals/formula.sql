-- requires: signals/lots
-- The words for decisions.inputs; ops.verify computes the same numbers again.
create or replace function signals.formula(p_inputs jsonb) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case i.mode
    when 'REMAINDER' then format(
      '%s of the master''s %s lots remain, so of the copy''s %s: %s, down to step %s = %s', signals.lots(i.master_remains),
      signals.lots(i.master_volume), signals.lots(i.opened_volume), signals.lots(i.numerator / i.denominator), signals.lots(i.step),
      signals.lots(div(i.numerator, i.denominator * i.step) * i.step)
    )
    when 'DIFFERENCE' then format(
      'the master holds %s of %s lots; the copy was opened with %s, told to hold %s, and holds %s', signals.lots(i.master_remains),
      signals.lots(i.master_volume), signals.lots(i.opened_volume), signals.lots(i.told), signals.lots(i.held_volume)
    )
    when 'STOPS' then 'the stops of the copy are not where the master''s are'
    -- Nothing was computed where a number is missing: a ratio without balances, a risk without a stop.
    else case when i.numerator is not null and i.denominator is not null then
      case i.mode
        when 'FIXED' then format('%s lots, fixed', signals.lots(i.numerator))
        when 'RISK' then format(
          '%s %% of an equity of %s / (%s to the stop / tick of %s x %s a tick)', signals.lots(i.risk_percent), signals.lots(i.equity),
          signals.lots(i.distance), signals.lots(i.tick_size), signals.lots(i.tick_value)
        )
        else format('%s lots', signals.lots(i.master_volume))
          || coalesce(' x ' || signals.lots(i.multiplier), '')
          || case when i.own is not null then
            format(' x %s / %s (%s)', signals.lots(i.own), signals.lots(i.master), case i.mode when 'BALANCE_RATIO' then 'balances' else 'equities' end)
          else '' end
          || case when i.own_contract is not null then
            format(' x %s / %s (contracts)', signals.lots(i.master_contract), signals.lots(i.own_contract))
          else '' end
      end
      || format(
        ' = %s, down to step %s = %s, within %s to %s', signals.lots(i.numerator / i.denominator), signals.lots(i.step),
        signals.lots(div(i.numerator, i.denominator * i.step) * i.step), signals.lots(i.minimum), signals.lots(i.maximum)
      )
    end
  end
  from jsonb_to_record(p_inputs) as i (
    mode text, master_volume numeric, master_remains numeric, opened_volume numeric, held_volume numeric, told numeric,
    multiplier numeric, own numeric, master numeric, master_contract numeric, own_contract numeric, risk_percent numeric,
    equity numeric, distance numeric, tick_size numeric, tick_value numeric, numerator numeric, denominator numeric,
    step numeric, minimum numeric, maximum numeric
  )
$$;

comment on function signals.formula(jsonb) is 'How a lot came about, with its numbers; null where no lot was computed.';
