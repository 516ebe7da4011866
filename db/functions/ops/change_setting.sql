-- requires: core/fail core/now
create or replace function ops.change_setting(p_name text, p_value interval, p_actor text, p_reason text) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(p_actor, '') = '' or coalesce(p_reason, '') = '' then
    perform core.fail('TRD17', jsonb_build_object('setting', p_name, 'rule', 'actor_and_reason'));
  end if;
  update ops.settings as s
  set value = p_value, changed_by = p_actor, reason = p_reason, changed_at = core.now()
  where s.name = p_name;
  if not found then
    perform core.fail('TRD17', jsonb_build_object('setting', p_name, 'rule', 'settings_known'));
  end if;
exception when check_violation or not_null_violation then
  perform core.fail('TRD17', jsonb_build_object('setting', p_name, 'value', p_value, 'rule', 'settings_value_not_below_least'));
end
$$;

comment on function ops.change_setting(text, interval, text, text) is
'Changes a setting of the installation (ops.settings) for everybody from now on. Who and why is kept with it. Fails with TRD17.';
