create or replace function signals.lots(p_value numeric) returns text
language sql immutable
as $$ select trim_scale(round(p_value, 8))::text $$;

comment on function signals.lots(numeric) is 'A number for people: at most eight decimals, no zeros behind them.';
