create or replace function signals.heads(p_lane smallint)
returns table (stream_id bigint, epoch integer, seq bigint)
language sql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
  select h.stream_id, h.accepted_epoch, h.accepted_seq from signals.stream_heads as h where h.lane = p_lane
$$;

comment on function signals.heads(smallint) is 'The newest accepted signal of each stream of the lane.';
