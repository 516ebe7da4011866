-- requires: core/deal_lane core/fail core/fail_rule core/hmac_pad core/now
create or replace function signals.create_stream(
  p_account bigint, p_name text, p_key bytea, p_ttl_ms integer default 500, p_rate integer default 100,
  p_burst integer default 100, p_lane smallint default null
) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_stream bigint := nextval('signals.streams_stream_id_seq');
  v_lane smallint := coalesce(p_lane, core.deal_lane(v_stream));
  v_constraint text;
  v_column text;
begin
  if not exists (
    select from access.accounts as a
    where a.account_id = p_account and a.status = 'ACTIVE' and 'provider' = any (a.roles)
  ) then
    perform core.fail('TRA08', jsonb_build_object('account', p_account));
  end if;
  -- A pad does not show how long its key was, so no constraint can say this.
  if octet_length(p_key) < 16 then
    perform core.fail('TRS32', jsonb_build_object('stream', p_name, 'rule', 'streams_key_length'));
  end if;
  begin
    insert into signals.streams (
      lane, stream_id, account_id, name, key_inner, key_outer, ttl, max_skew, rate_per_second, burst, created_at
    ) overriding system value
    values (
      v_lane, v_stream, p_account, p_name, core.hmac_pad(p_key, 54), core.hmac_pad(p_key, 92),
      p_ttl_ms * interval '1 millisecond', interval '1 second', p_rate, p_burst, core.now()
    );
    insert into signals.stream_heads (lane, stream_id, tokens, refilled_at) values (v_lane, v_stream, p_burst, core.now());
  exception when integrity_constraint_violation then
    get stacked diagnostics v_constraint = constraint_name, v_column = column_name;
    perform core.fail_rule('TRS32', jsonb_build_object('stream', p_name), v_constraint, 'streams', v_column);
  end;
  return v_stream;
end
$$;

comment on function signals.create_stream(bigint, text, bytea, integer, integer, integer, smallint) is
'A new stream of a provider with its HMAC key. TTL in ms, rate per second and burst gate what raises exposure. Returns stream_id.
The key has at least 16 bytes. Fails with TRA08, TRS32.';
