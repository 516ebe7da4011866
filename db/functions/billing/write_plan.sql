-- requires: core/fail core/fail_rule core/now
create or replace function billing.write_plan(p_stream bigint, p_terms jsonb, p_actor text) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_plan billing.fee_plans;
  v_key text;
  v_id bigint;
  v_constraint text;
  v_column text;
begin
  -- Versions are dealt one after the other.
  perform 1 from signals.streams as s where s.stream_id = p_stream for no key update;
  if not found then
    perform core.fail('TRS10', jsonb_build_object('stream', p_stream));
  end if;
  begin
    v_plan := jsonb_populate_record(v_plan, jsonb_build_object(
      'flat', 0, 'per_lot', 0, 'minimum', 0, 'performance_rate', 0, 'management_rate', 0, 'period', 'MONTHLY', 'platform_share', 0
    ) || p_terms);
    select k.key into v_key from jsonb_object_keys(p_terms) as k (key)
    where not to_jsonb(v_plan) ? k.key or k.key in ('fee_plan_id', 'stream_id', 'version', 'actor', 'created_at')
    order by k.key limit 1;
    if v_key is not null then
      perform core.fail('TRB11', jsonb_build_object('stream', p_stream, 'rule', 'key_known', 'key', v_key));
    end if;
    insert into billing.fee_plans (
      stream_id, version, currency, flat, per_lot, minimum, performance_rate, management_rate, period, platform_share, actor, created_at
    )
    select
      p_stream, coalesce(max(f.version), 0) + 1, v_plan.currency, v_plan.flat, v_plan.per_lot, v_plan.minimum, v_plan.performance_rate,
      v_plan.management_rate, v_plan.period, v_plan.platform_share, p_actor, core.now()
    from billing.fee_plans as f
    where f.stream_id = p_stream
    returning fee_plan_id into v_id;
  exception when integrity_constraint_violation or data_exception then
    get stacked diagnostics v_constraint = constraint_name, v_column = column_name;
    perform core.fail_rule('TRB11', jsonb_build_object('stream', p_stream), v_constraint, 'fee_plans', v_column);
  end;
  return v_id;
end
$$;

comment on function billing.write_plan(bigint, jsonb, text) is
'The next version of what a stream costs; keys are columns of billing.fee_plans, what is not given is zero, settled monthly. Nobody pays
by it until billing.assign_plan. Returns fee_plan_id. Fails with TRB11, TRS10.';
