-- Broker hours follow the offset that was measured at the heartbeat, so a change to summer time needs no setting.
create or replace function signals.local_time(p_zone text, p_broker_offset interval, p_at timestamptz) returns timestamp
language sql stable
as $$
  select case p_zone
    when 'UTC' then p_at at time zone 'UTC'
    when 'BROKER' then p_at at time zone 'UTC' + p_broker_offset
    else p_at at time zone p_zone
  end
$$;

comment on function signals.local_time(text, interval, timestamptz) is
'The wall clock of a zone of copy settings: UTC, BROKER, or an IANA name.';
