create or replace function signals.routes(p_lane smallint)
returns table (stream_lane smallint, stream_id bigint, epoch integer, seq bigint)
language sql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
  select c.stream_lane, c.stream_id, c.epoch, c.seq from signals.dispatch_cursors as c where c.lane = p_lane
$$;

comment on function signals.routes(smallint) is
'The streams that the subscribers of this lane follow, and how far each has been dispatched to them.';
