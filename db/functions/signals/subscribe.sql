-- requires: core/fail core/now signals/write_settings
-- Starts after the newest signal of the stream: what the master already holds is late join. The cursor of the lane is
-- put there too, if this is the lane's first subscription to the stream; otherwise it is where dispatch has come to.
create or replace function signals.subscribe(
  p_account bigint, p_stream bigint, p_multiplier numeric default 1, p_volume_min numeric default 0.01,
  p_volume_max numeric default 100, p_volume_step numeric default 0.01, p_max_deviation_points integer default null,
  p_ttl_ms integer default 500
) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_lane smallint;
  v_head signals.stream_heads;
  v_subscription bigint;
begin
  select a.lane into v_lane from access.accounts as a
  where a.account_id = p_account and a.status = 'ACTIVE' and 'subscriber' = any (a.roles);
  if v_lane is null then
    perform core.fail('TRA08', jsonb_build_object('account', p_account));
  end if;
  -- Held to the end: no signal can slip between reading the head and the subscription being visible.
  select h.* into v_head from signals.stream_heads as h where h.stream_id = p_stream for no key update;
  if v_head.stream_id is null then
    perform core.fail('TRS10', jsonb_build_object('stream', p_stream));
  end if;
  insert into signals.subscriptions (
    lane, account_id, stream_lane, stream_id, stream_name, started_epoch, started_seq, created_at
  )
  select v_lane, p_account, s.lane, s.stream_id, s.name, v_head.epoch, v_head.last_seq, core.now()
  from signals.streams as s
  where s.lane = v_head.lane and s.stream_id = p_stream
  returning subscription_id into v_subscription;
  insert into signals.subscription_heads (lane, subscription_id) values (v_lane, v_subscription);
  insert into signals.dispatch_cursors (lane, stream_id, stream_lane, epoch, seq)
  values (v_lane, p_stream, v_head.lane, v_head.epoch, v_head.last_seq)
  on conflict (lane, stream_id) do nothing;
  perform signals.write_settings(
    v_subscription, p_multiplier, p_volume_min, p_volume_max, p_volume_step, p_max_deviation_points, p_ttl_ms
  );
  insert into signals.subscription_events (lane, subscription_id, to_state, cause, actor, occurred_at)
  values (v_lane, v_subscription, 'SYNCED', 'subscribe', 'account ' || p_account, core.now());
  perform pg_notify('ecp_routes', v_lane::text);
  return v_subscription;
end
$$;

comment on function signals.subscribe(bigint, bigint, numeric, numeric, numeric, numeric, integer, integer) is
'An account follows a stream from its next signal on. Returns subscription_id. Fails with TRA08, TRS10, TRS20.';
