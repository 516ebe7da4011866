-- What a session that has ended still sends is refused at its next signal or report, not at its next heartbeat.
-- Streams, then subscriptions, each ascending: the order of locks of everything that commits.
create or replace function access.lift_fences(p_sessions uuid[]) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform 1
  from signals.stream_heads as h
  where h.session_id = any (p_sessions)
  order by h.lane, h.stream_id
  for no key update;
  update signals.stream_heads as h set session_id = null where h.session_id = any (p_sessions);

  perform 1
  from signals.subscription_heads as h
  where h.session_id = any (p_sessions)
  order by h.lane, h.subscription_id
  for no key update;
  update signals.subscription_heads as h set session_id = null where h.session_id = any (p_sessions);
end
$$;

comment on function access.lift_fences(uuid[]) is
'Takes from these sessions the streams they may publish to and the subscriptions they may report on.';
