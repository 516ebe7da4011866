-- What each action does to a position of the master. Flat is a row of nulls. A position is opened once: a second OPEN is
-- what a pending order became when it was filled, or nothing.
create or replace function signals.position_step(
  p_position signals.positions, p_signal signals.positions, p_action text
) returns signals.positions
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_action in ('HELD', 'OPEN', 'PLACE') then
    if p_position.position_id is null or (p_action = 'OPEN' and p_position.order_type <> 'MARKET') then
      return p_signal;
    end if;
    return p_position;
  end if;
  if p_position.position_id is null or p_action in ('CLOSE', 'CANCEL') then
    return null;
  end if;
  if p_action = 'PARTIAL_CLOSE' then
    if p_signal.volume <= 0 then
      return null;
    end if;
    p_position.volume := least(p_position.volume, p_signal.volume);
  end if;
  if p_action in ('MODIFY', 'AMEND') then
    p_position.stop_loss := p_signal.stop_loss;
    p_position.take_profit := p_signal.take_profit;
  end if;
  if p_action = 'AMEND' then
    p_position.price := p_signal.price;
  end if;
  p_position.changed_epoch := p_signal.changed_epoch;
  p_position.changed_seq := p_signal.changed_seq;
  return p_position;
end
$$;

comment on function signals.position_step(signals.positions, signals.positions, text) is
'A position after one more signal about it, null when flat. HELD: what was in the book before.';
