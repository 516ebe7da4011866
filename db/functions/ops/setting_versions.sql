-- A barrier view, like the other states.
create or replace view ops.setting_versions with (security_barrier = true) as
select
  k.subscription_id, k.version, k.created_at, k.actor,
  jsonb_strip_nulls(to_jsonb(k) - array['lane', 'subscription_id', 'version', 'hours_minutes', 'created_at', 'actor']) as settings
from signals.copy_settings as k;

comment on view ops.setting_versions is 'Every version of the copy settings of every subscription, as signals.write_settings takes them.';
