-- requires: signals/is_book
-- What cuts exposure is held to what it cannot do without; steps, limits and symbols gate only what raises it.
create or replace function signals.shape_error(
  p_action text, p_raises boolean, p_side text, p_order_type text, p_position bigint, p_volume numeric, p_price numeric,
  p_stop_loss numeric, p_take_profit numeric, p_book jsonb, p_instrument signals.instruments
) returns text
language sql immutable
as $$
  select case
    when p_raises is null then 'TRS09'
    when p_action = 'SNAPSHOT' then case when signals.is_book(p_book) is not true then 'TRS09' end
    when coalesce(p_position, 0) <= 0 then 'TRS16'
    when p_action = 'PARTIAL_CLOSE' and (p_volume >= 0) is not true then 'TRS12'
    when p_action not in ('CLOSE', 'PARTIAL_CLOSE', 'CANCEL') and (p_stop_loss < 0 or p_take_profit < 0) then 'TRS15'
    when p_action = 'AMEND' and coalesce(p_price, 0) <= 0 then 'TRS15'
    when not p_raises then null
    when p_instrument.symbol is null then 'TRS11'
    when coalesce(p_side, '') not in ('BUY', 'SELL') then 'TRS09'
    when coalesce(p_order_type, 'MARKET') not in ('MARKET', 'LIMIT', 'STOP', 'STOP_LIMIT') then 'TRS09'
    when (p_action = 'PLACE') <> (coalesce(p_order_type, 'MARKET') <> 'MARKET') then 'TRS09'
    when coalesce(p_volume, 0) <= 0 then 'TRS12'
    when p_volume not between p_instrument.volume_min and p_instrument.volume_max then 'TRS14'
    when p_volume % p_instrument.volume_step <> 0 then 'TRS13'
    when coalesce(p_price, 0) <= 0 then 'TRS15'
  end
$$;

comment on function signals.shape_error(
  text, boolean, text, text, bigint, numeric, numeric, numeric, numeric, jsonb, signals.instruments
) is 'The code of what a signal lacks for its action (docs/protocol.md, table of actions); null when it is whole.';
