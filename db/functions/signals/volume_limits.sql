-- The subscriber's limits and the broker's, both. A volume must be on both steps; lcm() is exact for decimals.
create or replace function signals.volume_limits(
  p_settings signals.copy_settings, p_resolution signals.symbol_resolutions
) returns table (step numeric, minimum numeric, maximum numeric)
language sql immutable
as $$
  select
    s.step,
    ceil(greatest(p_settings.volume_min, p_resolution.volume_min) / s.step) * s.step,
    div(least(p_settings.volume_max, p_resolution.volume_max), s.step) * s.step
  from (
    select case
      when p_resolution.volume_step is null or p_settings.volume_step % p_resolution.volume_step = 0 then p_settings.volume_step
      else lcm(p_settings.volume_step, p_resolution.volume_step)
    end as step
    offset 0
  ) as s
$$;

comment on function signals.volume_limits(signals.copy_settings, signals.symbol_resolutions) is
'Step, minimum and maximum in lots that hold for a copy, from the settings and (null: none known) the broker''s specification.';
