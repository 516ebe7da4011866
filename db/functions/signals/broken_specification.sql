-- The constraints of specifications, asked before: a broken one would not say in which of thousands of rows.
create or replace function signals.broken_specification(
  p_symbols text[], p_digits integer[], p_contract_sizes bigint[], p_volume_mins bigint[], p_volume_maxs bigint[],
  p_volume_steps bigint[], p_tick_sizes bigint[], p_tick_values bigint[], p_trade_modes text[]
) returns jsonb
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when cardinality(p_symbols) > 5000 then jsonb_build_object('rule', 'specifications_at_most_5000')
    else (
      select jsonb_build_object('symbol', b.symbol, 'rule', b.rule)
      from (
        select u.*, case
          when length(u.symbol) between 1 and 32 is not true then 'specifications_symbol_length'
          when count(*) over (partition by u.symbol) > 1 then 'specifications_pk'
          when u.digits between 0 and 8 is not true then 'specifications_digits_range'
          when u.contract_size between 1 and 1e17 is not true then 'specifications_contract_size_range'
          when (u.volume_step > 0 and u.volume_min > 0 and u.volume_max between u.volume_min and 1e17) is not true
            then 'specifications_volume_range'
          when (u.tick_size > 0 and u.tick_value >= 0) is not true then 'specifications_tick_range'
          when (u.trade_mode in ('FULL', 'LONG_ONLY', 'SHORT_ONLY', 'CLOSE_ONLY', 'DISABLED')) is not true
            then 'specifications_trade_mode_known'
        end as rule
        from unnest(
          p_symbols, p_digits, p_contract_sizes, p_volume_mins, p_volume_maxs, p_volume_steps, p_tick_sizes, p_tick_values,
          p_trade_modes
        ) with ordinality as u (
          symbol, digits, contract_size, volume_min, volume_max, volume_step, tick_size, tick_value, trade_mode, ord
        )
      ) as b
      where b.rule is not null
      order by b.ord
      limit 1
    )
  end
$$;

comment on function signals.broken_specification(
  text[], integer[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], text[]
) is 'The first symbol of a broker''s list that breaks a rule of signals.specifications, and which; null: none does.';
