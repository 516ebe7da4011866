-- An affix is short, and set off by a character that is neither letter nor digit (EURUSD.m, #EURUSD), or in lower case
-- where case counts (EURUSDm): US30 must not become US300, nor BTCUSD BTCUSDT.
create or replace function signals.symbol_fits(p_symbol text, p_master_symbol text, p_with_case boolean) returns boolean
language sql immutable parallel safe
as $$
  select p_symbol ~ (
    case when p_with_case then '^([a-z]{1,8}|.{0,7}[^[:alnum:]])?' else '^(.{0,7}[^[:alnum:]])?' end
    || regexp_replace(p_master_symbol, '([^[:alnum:]])', '\\\1', 'g')
    || case when p_with_case then '([a-z]{1,8}|[^[:alnum:]].{0,7})?$' else '([^[:alnum:]].{0,7})?$' end
  )
$$;

comment on function signals.symbol_fits(text, text, boolean) is
'Whether a broker''s symbol is the master''s with at most a prefix and a suffix.';
