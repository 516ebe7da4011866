-- Always down to the step: a copy never takes more than was asked for. The place where the other sizing modes go.
create or replace function signals.copy_volume(p_master_volume numeric, p_settings signals.copy_settings) returns numeric
language sql immutable
as $$
  select least(
    trunc(p_master_volume * p_settings.multiplier / p_settings.volume_step) * p_settings.volume_step,
    p_settings.volume_max
  )
$$;

comment on function signals.copy_volume(numeric, signals.copy_settings) is
'Lots to open for the master''s lots: times the multiplier, down to the step, at most the maximum. Below the minimum: not copied.';
