-- requires: core/fail core/now
-- The constraints of copy_settings are the rules; this turns a broken one into an error that names it.
create or replace function signals.write_settings(
  p_subscription bigint, p_multiplier numeric, p_volume_min numeric, p_volume_max numeric, p_volume_step numeric,
  p_max_deviation_points integer, p_ttl_ms integer
) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_subscription signals.subscriptions;
  v_version integer;
  v_rule text;
  v_column text;
begin
  select s.* into v_subscription
  from signals.subscriptions as s
  where s.subscription_id = p_subscription
  for no key update;
  if v_subscription.subscription_id is null then
    perform core.fail('TRS17', jsonb_build_object('subscription', p_subscription));
  end if;
  select coalesce(max(c.version), 0) + 1 into v_version
  from signals.copy_settings as c
  where c.lane = v_subscription.lane and c.subscription_id = p_subscription;
  begin
    insert into signals.copy_settings (
      lane, subscription_id, version, multiplier, volume_min, volume_max, volume_step, max_deviation_points, ttl,
      created_at
    )
    values (
      v_subscription.lane, p_subscription, v_version, p_multiplier, p_volume_min, p_volume_max, p_volume_step,
      p_max_deviation_points, p_ttl_ms * interval '1 millisecond', core.now()
    );
  exception when check_violation or not_null_violation then
    get stacked diagnostics v_rule = constraint_name, v_column = column_name;
    -- A missing value has a named constraint from PostgreSQL 18 on only.
    v_rule := coalesce(nullif(v_rule, ''), 'copy_settings_' || v_column || '_not_null');
    perform core.fail('TRS20', jsonb_build_object('subscription', p_subscription, 'rule', v_rule));
  end;
  update signals.subscriptions as s
  set settings_version = v_version
  where s.lane = v_subscription.lane and s.subscription_id = p_subscription;
  return v_version;
end
$$;

comment on function signals.write_settings(bigint, numeric, numeric, numeric, numeric, integer, integer) is
'The next version of a subscription''s copy settings; earlier decisions keep theirs. Returns it. Fails with TRS17, TRS20.';
