-- requires: access/may_touch core/fail signals/next_settings
create or replace function signals.write_settings(
  p_subscription bigint, p_settings jsonb, p_actor text default 'operator'
) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not access.may_touch('subscription', p_subscription) then
    perform core.fail('TRS17', jsonb_build_object('subscription', p_subscription));
  end if;
  return signals.next_settings(p_subscription, p_settings, p_actor);
end
$$;

comment on function signals.write_settings(bigint, jsonb, text) is
'The next version of a subscription''s copy settings: the given keys, columns of signals.copy_settings, over the version before; null
takes a key back. Earlier decisions keep theirs. Returns the version. Fails with TRS17, TRS20, whose DETAIL names rule and key.';
