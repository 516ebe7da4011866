-- requires: signals/fold_book signals/apply_snapshot
-- Snapshots are rare: between them the book is folded in one go.
create or replace function signals.advance_book(
  p_lane smallint, p_only integer[], p_streams bigint[], p_epochs integer[], p_seqs bigint[], p_actions text[],
  p_symbols text[], p_sides text[], p_positions bigint[], p_volumes numeric[], p_prices numeric[],
  p_stop_losses numeric[], p_take_profits numeric[], p_magics bigint[], p_order_types text[], p_digits integer[],
  p_sent_at timestamptz[], p_contract_sizes numeric[], p_balances numeric[], p_equities numeric[], p_books jsonb[]
) returns bigint[]
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_differing bigint[] := '{}'::bigint[];
  v_segment integer[] := '{}'::integer[];
  v_ord integer;
begin
  foreach v_ord in array case when 'SNAPSHOT' = any (p_actions) then p_only else '{}' end loop
    v_segment := v_segment || v_ord;
    continue when p_actions[v_ord] <> 'SNAPSHOT';
    perform signals.fold_book(
      p_lane, v_segment, p_streams, p_epochs, p_seqs, p_actions, p_symbols, p_sides, p_positions, p_volumes, p_prices,
      p_stop_losses, p_take_profits, p_magics, p_order_types, p_digits, p_sent_at, p_contract_sizes, p_balances, p_equities
    );
    if signals.apply_snapshot(
      p_lane, p_streams[v_ord], p_epochs[v_ord], p_seqs[v_ord], p_sent_at[v_ord], p_balances[v_ord], p_equities[v_ord],
      p_books[v_ord]
    ) then
      v_differing := v_differing || p_streams[v_ord];
    end if;
    v_segment := '{}'::integer[];
  end loop;
  perform signals.fold_book(
    p_lane, case when 'SNAPSHOT' = any (p_actions) then v_segment else p_only end, p_streams, p_epochs, p_seqs, p_actions,
    p_symbols, p_sides, p_positions, p_volumes, p_prices, p_stop_losses, p_take_profits, p_magics, p_order_types, p_digits,
    p_sent_at, p_contract_sizes, p_balances, p_equities
  );
  return v_differing;
end
$$;

comment on function signals.advance_book(
  smallint, integer[], bigint[], integer[], bigint[], text[], text[], text[], bigint[], numeric[], numeric[], numeric[],
  numeric[], bigint[], text[], integer[], timestamptz[], numeric[], numeric[], numeric[], jsonb[]
) is
'Moves the lane''s copy of the masters'' books on by the elements p_only of these arrays. Returns the streams whose snapshot differed.';
