-- requires: core/fail
create or replace function signals.define_instrument(
  p_stream bigint, p_symbol text, p_digits integer, p_volume_min numeric, p_volume_max numeric, p_volume_step numeric,
  p_contract_size numeric default 100000
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
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
    volume_max = excluded.volume_max, volume_step = excluded.volume_step;
  if not found then
    perform core.fail('TRS10', jsonb_build_object('stream', p_stream));
  end if;
end
$$;

comment on function signals.define_instrument(bigint, text, integer, numeric, numeric, numeric, numeric) is
'Adds or replaces the specification of a symbol of a stream. Volumes in lots. Fails with TRS10.';
