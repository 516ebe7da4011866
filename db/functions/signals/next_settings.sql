-- requires: core/fail core/fail_rule core/now signals/week_minutes
-- The constraints of copy_settings are the rules; this turns a broken one into an error that names it. The keys are
-- those of the table, so that a setting is added in one place.
create or replace function signals.next_settings(p_subscription bigint, p_settings jsonb, p_actor text) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_subscription signals.subscriptions;
  v_settings signals.copy_settings;
  v_rule text;
  v_key text;
  v_value jsonb;
  v_constraint text;
  v_column text;
  v_capital numeric;
begin
  select s.* into v_subscription from signals.subscriptions as s where s.subscription_id = p_subscription;
  if v_subscription.subscription_id is null then
    perform core.fail('TRS17', jsonb_build_object('subscription', p_subscription));
  end if;
  -- A heartbeat reads the capital while it holds the head.
  perform 1 from signals.subscription_heads as h
  where h.lane = v_subscription.lane and h.subscription_id = p_subscription
  for no key update;
  select s.* into v_subscription
  from signals.subscriptions as s
  where s.lane = v_subscription.lane and s.subscription_id = p_subscription
  for no key update;
  select c.* into v_settings
  from signals.copy_settings as c
  where c.lane = v_subscription.lane and c.subscription_id = p_subscription
  order by c.version desc
  limit 1;
  if v_settings.version is null then
    v_settings := jsonb_populate_record(v_settings, jsonb_build_object(
      'version', 0, 'sizing', 'MULTIPLIER', 'multiplier', 1, 'align_contract_size', false, 'volume_min', 0.01,
      'volume_max', 100, 'volume_step', 0.01, 'below_minimum', 'SKIP', 'above_maximum', 'CAP', 'reverse', false,
      'copy_stops', true, 'ttl', '500 ms', 'zone', 'UTC', 'news_impact', 'HIGH', 'late_join', 'NONE'
    ));
  end if;
  v_capital := v_settings.capital;
  begin
    v_rule := 'value_type';
    for v_key, v_value in select e.key, e.value from jsonb_each(p_settings) as e loop
      if not to_jsonb(v_settings) ? v_key
        or v_key in ('lane', 'subscription_id', 'version', 'hours_minutes', 'created_at', 'actor')
      then
        v_rule := 'key_known';
        raise data_exception;
      end if;
      v_settings := jsonb_populate_record(v_settings, jsonb_build_object(v_key, v_value));
    end loop;
    -- By name: `at time zone` also takes abbreviations, which know no daylight saving, and any misspelling with a digit.
    if p_settings ? 'zone' and v_settings.zone not in ('UTC', 'BROKER')
      and not exists (select from pg_timezone_names as z where z.name = v_settings.zone)
    then
      v_rule := 'zone_known';
      v_key := 'zone';
      raise data_exception;
    end if;
    if v_capital is not null and v_settings.capital is null and exists (
      select from signals.protections as p
      where p.lane = v_subscription.lane and p.subscription_id = p_subscription and p.unit = 'PERCENT' and p.removed_at is null
    ) then
      v_rule := 'capital_protected';
      v_key := 'capital';
      raise data_exception;
    end if;
    v_rule := 'hours';
    v_key := 'hours';
    insert into signals.copy_settings (
      lane, subscription_id, version, multiplier, volume_min, volume_max, volume_step, max_deviation_points, ttl,
      created_at, sizing, fixed_volume, risk_percent, align_contract_size, below_minimum, above_maximum, reverse,
      copy_stops, symbols, excluded_symbols, sides, magics, excluded_magics, hours, zone, news_before, news_after,
      news_impact, trades_per_day, late_join, late_join_max_age, capital, actor
    )
    select
      v_subscription.lane, p_subscription, v.version + 1, v.multiplier, v.volume_min, v.volume_max, v.volume_step,
      v.max_deviation_points, v.ttl, core.now(), v.sizing, v.fixed_volume, v.risk_percent, v.align_contract_size,
      v.below_minimum, v.above_maximum, v.reverse, v.copy_stops, v.symbols, v.excluded_symbols, v.sides, v.magics,
      v.excluded_magics, v.hours, v.zone, v.news_before, v.news_after, v.news_impact, v.trades_per_day, v.late_join,
      v.late_join_max_age, v.capital, p_actor
    from (select v_settings.*) as v;
  exception
    when data_exception or sqlstate 'TRS20' then
      perform core.fail(
        'TRS20', jsonb_strip_nulls(jsonb_build_object('subscription', p_subscription, 'rule', v_rule, 'key', v_key))
      );
    when integrity_constraint_violation then
      get stacked diagnostics v_constraint = constraint_name, v_column = column_name;
      perform core.fail_rule(
        'TRS20', jsonb_build_object('subscription', p_subscription), v_constraint, 'copy_settings', v_column
      );
  end;
  update signals.subscriptions as s
  set settings_version = v_settings.version + 1
  where s.lane = v_subscription.lane and s.subscription_id = p_subscription;
  -- Money that is given or taken is neither profit nor loss.
  update signals.equities as e
  set equity = e.equity + c.change, day_equity = e.day_equity + c.change, peak_equity = e.peak_equity + c.change
  from (select coalesce(v_settings.capital, 0) - coalesce(v_capital, 0) as change) as c
  where c.change <> 0 and e.lane = v_subscription.lane and e.portfolio_id = v_subscription.portfolio_id
    and e.subscription_id = p_subscription;
  return v_settings.version + 1;
end
$$;

comment on function signals.next_settings(bigint, jsonb, text) is
'What signals.write_settings does, for our own functions. Fails with TRS17, TRS20.';
