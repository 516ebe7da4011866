-- requires: core/fail core/fail_rule signals/follow_symbols
create or replace function signals.define_instrument(
  p_stream bigint, p_symbol text, p_digits integer, p_volume_min numeric, p_volume_max numeric, p_volume_step numeric,
  p_contract_size numeric default 100000
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_is_new boolean;
  v_constraint text;
  v_column text;
begin
  -- Against a subscription that begins at the same moment: each would miss what the other brings.
  perform pg_advisory_xact_lock('signals.instruments'::regclass::oid::integer, hashint8(p_stream));
  begin
    insert into signals.instruments as i (
      lane, stream_id, symbol, digits, contract_size, volume_min, volume_max, volume_step
    )
    select s.lane, s.stream_id, p_symbol, p_digits, p_contract_size, p_volume_min, p_volume_max, p_volume_step
    from signals.streams as s
    where s.stream_id = p_stream
    on conflict (lane, stream_id, symbol) do update
    set
      digits = excluded.digits, contract_size = excluded.contract_size, volume_min = excluded.volume_min,
      volume_max = excluded.volume_max, volume_step = excluded.volume_step
    returning i.xmax = 0 into v_is_new;
  exception when integrity_constraint_violation or data_exception then
    get stacked diagnostics v_constraint = constraint_name, v_column = column_name;
    perform core.fail_rule(
      'TRS33', jsonb_build_object('stream', p_stream, 'symbol', p_symbol), v_constraint, 'instruments', v_column
    );
  end;
  if v_is_new is null then
    perform core.fail('TRS10', jsonb_build_object('stream', p_stream));
  end if;
  -- What a symbol is called elsewhere follows from its name alone.
  if v_is_new then
    perform signals.follow_symbols(f.portfolio_id, p_stream, p_symbol)
    from (
      select distinct s.lane, s.portfolio_id
      from signals.subscriptions as s
      where s.stream_id = p_stream
      order by s.lane, s.portfolio_id
    ) as f;
  end if;
end
$$;

comment on function signals.define_instrument(bigint, text, integer, numeric, numeric, numeric, numeric) is
'Adds or replaces the specification of a symbol of a stream, and resolves a new one for who follows it. Volumes in lots.
Fails with TRS10, TRS33.';
